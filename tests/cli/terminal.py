"""A command as a process on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time

from tests.fleet.fleets import state_of

PROMISE_S = 120.0  # a test that waits this long has failed


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self._descriptor = pty.fork()
        if not self.pid:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the shell may have the tests themselves hear no Ctrl-C
            os.execv(sys.executable, [sys.executable, "-m", "ragfactory", *arguments])
        self.shown = ""

    def wait_for(self, text: str) -> str:
        """What was shown up to this text, since it was last waited for."""
        end = time.monotonic() + PROMISE_S
        while text not in self.shown:
            assert select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))[0], self.shown
            try:
                self.shown += os.read(self._descriptor, 65536).decode(errors="replace")
            except OSError:  # it ended
                raise AssertionError(self.shown) from None
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, once the command waits for a key: between two letters, readline would notice it with the next key only."""
        end = time.monotonic() + PROMISE_S
        while state_of(self.pid) != "S":
            assert time.monotonic() < end, self.shown
            time.sleep(0.01)
        self.type("\x03")

    def status(self) -> int:
        """The exit status, once it ended; one that does not is killed."""
        end = time.monotonic() + PROMISE_S
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(ended[1])
