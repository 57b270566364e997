"""`ragfactory doctor`: is everything here that a run needs?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ragfactory.cli import options
from ragfactory.cli.result import CommandResult, Problem
from ragfactory.cli.run import run
from ragfactory.cli.text import harmless
from ragfactory.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from ragfactory.cli.output import Output
    from ragfactory.pipeline.diagnosis import Finding


def doctor(home: options.Home = None, json: options.Json = False) -> None:
    """Check the installation: packages, models, the disk, the profiles; with what to do where something is missing."""

    def body(_output: Output) -> CommandResult:
        from ragfactory.pipeline.diagnosis import diagnose

        findings = diagnose(options.configure(home))
        healthy = all(finding.ok for finding in findings if finding.required)
        return CommandResult(
            data={"healthy": healthy, "findings": [asdict(finding) for finding in findings]},
            render=lambda console: _render(findings, console),
            errors=tuple(
                Problem("unhealthy", f"{finding.what}: {finding.found}", finding.hint or None)
                for finding in findings
                if finding.required and not finding.ok
            ),
            exit_code=ExitCode.OK if healthy else ExitCode.UNAVAILABLE,
        )

    run("doctor", body, json=json)


def _render(findings: list[Finding], console: Console) -> None:
    from rich.text import Text

    for finding in findings:
        mark, style = _mark(finding)
        hint = f"  ({finding.hint})" if finding.hint and not finding.ok else ""
        console.print(
            Text.assemble((f"{mark:<7}", style), f"  {finding.what:<22} ", harmless(finding.found), (hint, "dim")),
            soft_wrap=True,
        )


def _mark(finding: Finding) -> tuple[str, str]:
    if finding.ok:
        return "ok", "green"
    if finding.required:
        return "MISSING", "bold red"
    return finding.fault or "absent", "yellow"
