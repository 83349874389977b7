"""Imports go down only, and a few libraries have a home."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEIGHT = {
    "telemetry.core": 0,
    "telemetry.store": 1,
    "telemetry.runtime": 1,
    "telemetry.ingest": 2,
    "telemetry.watcher": 2,
    "telemetry.courier": 2,
    "telemetry.ops": 2,
    "telemetry.cli": 3,
    "telemetry.testing": 3,
    "consumers.discord": 4,
    "consumers.webhook": 4,
    "consumers.handler": 4,
    "bot": 5,
    "bot.simulator": 6,
}
# Rooms that may look into one another's neighbour only so far: the room, and what it may see there.
DOORS = {
    ("bot", "consumers.discord"): {"consumers.discord.message"},
    ("bot", "bot.simulator"): set[str](),
    ("bot.simulator", "bot"): set[str](),
    ("bot.simulator", "telemetry.core"): set[str](),
    ("consumers.discord", "telemetry.store"): {"telemetry.store.channels", "telemetry.store.client"},
}
HOMES = {
    "motor": {"telemetry.store"},
    "pymongo": {"telemetry.store"},
    "bson": {"telemetry.store"},
    "discord": {"bot"},
    "jinja2": {"telemetry.runtime", "consumers.discord"},
    "typer": {"telemetry.cli", "bot", "consumers.webhook"},
    "rich": {"telemetry.cli"},
    "fastapi": {"telemetry.ingest"},
    "opentelemetry": {"telemetry.runtime"},
    "standardwebhooks": {"consumers.webhook"},
    "secantus": set[str](),
}


def modules() -> Iterator[Path]:
    for top in ("telemetry", "consumers", "bot"):
        yield from sorted((ROOT / top).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str | None:
    rooms = [room for room in HEIGHT if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*deeper.split("."))).with_suffix(".py").exists()
                yield deeper if is_module else node.module


MODULES = {name_of(path): sorted(set(imports_of(path))) for path in modules()}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    assert [] == [imported for imported in MODULES[module] if not may_import(module, imported)]


def may_import(module: str, imported: str) -> bool:
    here, there = room_of(module), room_of(imported)
    if here is None or there is None or here == there:
        return True
    if (here, there) in DOORS:
        return imported in DOORS[here, there]
    return HEIGHT[there] < HEIGHT[here]


@pytest.mark.parametrize("module", MODULES)
def test_a_library_is_imported_at_home_only(module: str) -> None:
    homes = {imported: HOMES.get(imported.split(".", maxsplit=1)[0]) for imported in MODULES[module]}
    assert [] == [imported for imported, rooms in homes.items() if rooms is not None and room_of(module) not in rooms]


def test_no_work_starts_on_import() -> None:
    for path in modules():
        if path.name == "__main__.py":
            continue
        for node in ast.parse(path.read_text()).body:
            started = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            assert not started, f"{name_of(path)}:{node.lineno} does something when it is imported"


@pytest.mark.parametrize(
    "call", ["create_task(", "ensure_future(", "datetime.now()", "datetime.utcnow(", "time.time()"]
)
def test_time_and_tasks_come_in_by_the_door(call: str) -> None:
    calls = re.compile(rf"(?<!\w){re.escape(call)}")
    inside = [path for path in modules() if "simulator" not in path.parts and calls.search(path.read_text())]
    assert [] == [str(path.relative_to(ROOT)) for path in inside]
