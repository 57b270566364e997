"""A chat template rendered within bounds: it comes with a model's file, and so from anybody."""

from __future__ import annotations

import resource
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

_DAY = "26 Jul 2024"
_MOST_LINES = 100_000  # of its code that are run; those of models run some hundreds
_MOST_MEMORY = 512 * 2**20  # bytes on top of what the process has


def render(template: str, names: Mapping[str, Any]) -> str:
    """What a template in Jinja's language writes with these names. It reaches nothing but them, and is stopped after 100,000 lines
    of its code or 512 MiB of memory.

    Raises ValueError for one that does not work, or would go on.
    """
    import jinja2
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    def strftime_now(_format: str) -> str:
        return _DAY  # what is written about a document shall not depend on the day

    def no_power(_base: object, _exponent: object) -> NoReturn:
        raise SecurityError("powers are not allowed")

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.intercepted_binops = frozenset({"**"})  # a power of a power takes hours and little memory
    environment.binop_table["**"] = no_power
    functions = {"raise_exception": raise_exception, "strftime_now": strftime_now}
    try:
        with _little_memory(), _few_lines():
            return environment.from_string(template).render(**functions, **names)
    except MemoryError:
        raise ValueError(f"it takes more than {_MOST_MEMORY // 2**20} MiB") from None
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _few_lines() -> Iterator[None]:
    """Have the code of a template raise RecursionError once enough of it has run."""
    run = 0

    def count(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal run
        run += event == "line"
        if run > _MOST_LINES:
            raise RecursionError(f"it goes on after {_MOST_LINES:,} lines")
        return count

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: count if frame.f_code.co_filename == "<template>" else None)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let the process take only so much more memory; what would be more raises MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = taken + _MOST_MEMORY
    if soft == resource.RLIM_INFINITY or most < soft:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
