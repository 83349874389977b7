"""`python -m tests.proof`: write what the matrix, the safeguards and the torture came to into docs/proof.md."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "proof.md"
RESULTS = ROOT / "build" / "proof"


def matrix(found: Mapping[str, Any]) -> str:
    """Tell the matrix: a row a scenario, and what was not reached."""
    rows: Sequence[Mapping[str, Any]] = found["rows"]
    columns = list(rows[0])
    lines = [
        f"On {found['server']}.",
        "",
        _line(columns),
        _line("---" if i == 0 else "--:" for i in range(len(columns))),
    ]
    lines += [_line(_bold(row[column], row["scenario"] == "all") for column in columns) for row in rows]
    if found["missed"]:
        lines += ["", f"Not reached in three runs: {len(found['missed'])} points."]
    return "\n".join(lines)


def safeguards(found: Sequence[Mapping[str, Any]]) -> str:
    """Tell what was found without each safeguard."""
    lines = [_line(("taken out", "found", "runs until then")), "|---|---|--:|"]
    return "\n".join(lines + [_line((row["safeguard"], row["found"], row["runs"])) for row in found])


def torture(found: Mapping[str, Any]) -> str:
    """Tell one torture."""
    acts = ", ".join(f"{kind} {times}" for kind, times in found["acts"].items())
    told = ", ".join(f"{status} {times:,}" for status, times in found["told"].items())
    rows = {
        "server": found["server"],
        "seed, minutes": f"{found['seed']}, {found['seconds'] / 60:g}",
        "events": f"{found['events']:,}",
        "answers": told,
        "batches sent again": f"{found['sent_again']:,}",
        "done to it": acts,
        "daemons killed": found["kills"],
        "**lost**": f"**{len(found['lost'])}**",
        "**twice**": f"**{len(found['twice'])}**",
        "otherwise wrong": len(found["other"]),
    }
    return "\n".join(["| | |", "|---|---|", *(_line(row) for row in rows.items())])


def total(matrix: Mapping[str, Any], torture: Mapping[str, Any]) -> str:
    """Sum both up."""
    whole = matrix["rows"][-1]
    figures = {
        "kills": whole["kills"] + torture["kills"],
        "stops": whole["stops"] + torture["acts"].get("pause", 0),
        "events": whole["events"] + torture["events"],
        "lost": whole["lost"] + len(torture["lost"]),
        "told twice": whole["twice"] + len(torture["twice"]),
        "otherwise wrong": whole["otherwise wrong"] + len(torture["other"]),
    }
    return "Together: " + ", ".join(f"**{number:,} {name}**" for name, number in figures.items()) + "."


def fill(page: str, name: str, text: str) -> str:
    """Put a text between a page's markers."""
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda match: f"{match[1]}\n{text}\n\n{match[2]}",
        page,
        flags=re.DOTALL,
    )


def _line(cells: Any) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _bold(cell: Any, wanted: bool) -> str:
    told = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return f"**{told}**" if wanted else told


def main() -> None:
    """Write the page anew from the results there are."""
    page = PAGE.read_text()
    for name, tell in (("matrix", matrix), ("safeguards", safeguards), ("torture", torture)):
        result = RESULTS / f"{name}.json"
        if result.exists():
            page = fill(page, name, tell(json.loads(result.read_text())))
    both = [RESULTS / "matrix.json", RESULTS / "torture.json"]
    if all(result.exists() for result in both):
        page = fill(page, "total", total(*(json.loads(result.read_text()) for result in both)))
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
