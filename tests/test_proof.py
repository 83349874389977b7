"""The page that tells the proof is written by the commands that it names."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import proof

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "proof.md").read_text()
SECTIONS = ("matrix", "safeguards", "torture")


def test_what_came_of_a_run_replaces_what_stood_there() -> None:
    page = "before\n<!-- matrix -->\nold\n<!-- /matrix -->\nafter\n"
    once = proof.fill(page, "matrix", "new")
    assert "before\n<!-- matrix -->\n\nnew\n\n<!-- /matrix -->\nafter\n" == once
    assert once == proof.fill(once, "matrix", "new")


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_its_table(section: str) -> None:
    found = re.search(rf"<!-- {section} -->(.*?)<!-- /{section} -->", PAGE, re.DOTALL)
    assert found is not None
    assert "|" in found[1]


def test_the_commands_that_the_page_names_can_be_made() -> None:
    commands = re.findall(r"^make [^#\n]*", PAGE, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
        assert 0 == done.returncode, done.stderr


@pytest.mark.slow
def test_the_commands_write_what_the_page_is_made_of(tmp_path: Path) -> None:
    matrix, torture = tmp_path / "matrix.json", tmp_path / "torture.json"
    run("tests.crash", "matrix", "--scenario", "bot: one delivery", "--sample", "2", "--json", str(matrix))
    (told, _) = json.loads(matrix.read_text())["rows"]
    # Cut short here, it goes on with what is left.
    run("tests.crash", "matrix", "--scenario", "bot: 4", "--sample", "1", "--json", str(matrix), "--go-on")
    assert [told, "bot: 429"] == [
        row if row == told else row["scenario"] for row in json.loads(matrix.read_text())["rows"][:-1]
    ]
    run("tests.torture", "--minutes", "0.3", "--rate", "20", "--quiet", "--json", str(torture))
    assert "| **all** |" in proof.matrix(json.loads(matrix.read_text()))
    assert "| **twice** | **0** |" in proof.torture(json.loads(torture.read_text()))


def run(module: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
