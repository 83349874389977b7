"""The harness judges from outside: it knows the product's commands, collections and pages, and none of its code."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
# They start the product, play another party's package, or undo one of its rules on purpose.
INSIDE = {"nursery.py", "servers.py", "databases.py", "sabotage", "neighbour", "handlers"}
PRODUCT = ("telemetry", "consumers", "bot")
DISCORD = "bot.simulator"


def test_nothing_that_judges_imports_what_it_judges() -> None:
    imported = {
        f"{path.relative_to(TESTS)}: {name}"
        for folder in ("crash", "torture")
        for path in (TESTS / folder).rglob("*.py")
        if not INSIDE & {path.name, path.parent.name}
        for name in _imports(path)
        if name.split(".")[0] in PRODUCT and not name.startswith(DISCORD)
    }
    assert set() == imported


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found
