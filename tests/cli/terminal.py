"""A command as a process on a terminal of its own."""

from __future__ import annotations

import os
import pty
import sys
import time

PROMISE_S = 60.0  # a test that waits this long has failed


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self._descriptor = pty.fork()
        if not self.pid:
            os.execv(sys.executable, [sys.executable, "-m", "ragfactory", *arguments])
        self.shown = ""

    def wait_for(self, text: str) -> str:
        """What was shown up to this text, since it was last waited for."""
        end = time.monotonic() + PROMISE_S
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            try:
                self.shown += os.read(self._descriptor, 65536).decode(errors="replace")
            except OSError:  # it ended
                raise AssertionError(self.shown) from None
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def status(self) -> int:
        """The exit status, once it ended."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)
