"""`python -m tests.bench`: measure, print a table, write JSON."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from telemetry.cli.embedded import start_embedded_server
from telemetry.core.errors import TellonceError
from telemetry.store.client import connect
from tests.bench import cost, dispatch, ingest, latency, memory
from tests.bench.plan import SECTIONS, Plan, quick
from tests.bench.report import Say, Section, show

MEASURES: dict[str, Callable[[str, Plan, Say], Awaitable[Section]]] = {
    "ingest": ingest.measure,
    "dispatch": dispatch.measure,
    "latency": latency.measure,
    "cost": cost.measure,
    "memory": memory.measure,
}


def main() -> int:
    """Run what the command line asks for; 1 where it could not be run."""
    chosen = _arguments()
    plan = quick() if chosen.quick else Plan()
    if chosen.events:
        plan = replace(plan, memory_large=chosen.events)
    run: dict[str, Any] = {}
    failures: list[BaseException] = []
    try:
        run |= anyio.run(_run, plan, chosen.only)
    except* (TellonceError, PyMongoError, AssertionError, OSError) as errors:
        failures += _leaves(errors)
    for failure in failures:
        Console(stderr=True).print(f"the benchmark could not run: {failure}", style="red", markup=False)
    if not failures:
        _tell(run, chosen)
    return 1 if failures else 0


def _tell(run: dict[str, Any], chosen: argparse.Namespace) -> None:
    sections: dict[str, Section] = run.pop("sections")
    show(Console(), sections)
    report = run | {"quick": chosen.quick, "sections": {name: section.row() for name, section in sections.items()}}
    chosen.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        yield from _leaves(error) if isinstance(error, BaseExceptionGroup) else (error,)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure tellonce beside its goals.")
    parser.add_argument("--quick", action="store_true", help="a little of everything, in a minute")
    parser.add_argument("--only", type=_sections, default=list(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--events", type=int, help="the larger backlog that memory is measured with")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    return parser.parse_args()


def _sections(listed: str) -> list[str]:
    names = listed.split(",")
    if unknown := set(names) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in names]


@contextmanager
def _server() -> Iterator[str]:
    if uri := os.environ.get("TELLONCE_MONGODB_URI"):
        yield uri
        return
    with TemporaryDirectory(prefix="tellonce-bench-") as folder, start_embedded_server(Path(folder)) as server:
        yield server.uri


async def _run(plan: Plan, names: list[str]) -> dict[str, Any]:
    sections: dict[str, Section] = {}
    machine: dict[str, Any] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name in names:
            say = _teller(progress, name)
            # An embedded server of its own: no section finds what another has left.
            with _server() as uri:
                machine = await _machine(uri)
                sections[name] = await MEASURES[name](uri, plan, say)
            say("done")
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "sections": sections}


def _teller(progress: Progress, name: str) -> Say:
    task = progress.add_task(name, total=None)
    return lambda now: progress.update(task, description=f"{name}: {now}", completed=now == "done", total=1)


async def _machine(uri: str) -> dict[str, Any]:
    async with connect(uri, "admin") as connection:
        info = await connection.client.admin.command("buildInfo")
    embedded = info.get("secantusVersion")
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "server": "SecantusDB" if embedded else "MongoDB",
        "version": embedded or info["version"],
    }


if __name__ == "__main__":
    sys.exit(main())
