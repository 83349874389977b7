"""Typing a command and reading what it says."""

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from telemetry.cli.main import build


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """What it said in JSON."""
        return json.loads(self.out)


def tellonce(*words: str, stdin: str = "", **environ: str | None) -> Said:
    """Run a command in this process; a traceback fails the test."""
    result = CliRunner().invoke(build(), list(words), input=stdin, env=environ, prog_name="tellonce")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
