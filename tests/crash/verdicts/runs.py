"""Runs: each member gets each part once and in order, or is left out by a cancel that says who, and why."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.crash.ground import Document
from tests.crash.judgement import Judgement, told, wrong
from tests.crash.stage import Stage

NOTED = "runs"
PARTS = ("", " again")
HOW = ("--by", "operator", "--reason", "changed minds")
CANCELLED = "cancelled by operator: changed minds"


async def members(stage: Stage, possible: Sequence[Collection[str]], *, again: bool = False) -> Judgement:
    """Every news was told to one of these audiences, whole.

    What somebody had tried again came when it could, and is counted by what it came to first.
    """
    found = wrong(stage.noted.get(NOTED, ()))
    async for event in stage.database["events"].find({"event": "news", "cancelled": {"$exists": False}}):
        key = event["_id"]
        run = await stage.database["runs"].find_one({"event": key}) or {}
        rows = await stage.database["discord_queue"].find({"event": key}).sort("order", 1).to_list(None)
        meant = {row["destination"] for row in rows}
        if meant not in [{*audience} for audience in possible]:
            found += wrong([f"{key} was meant for {sorted(meant)}"])
        for destination in sorted(meant.union(*possible)):
            here = [row for row in rows if row["destination"] == destination]
            found += _member(key, destination, here, stage.heard(destination), in_order=not again)
        found += wrong(_accounts(run, rows, again=again))
    return found


def _member(key: str, destination: str, rows: Sequence[Document], heard: Sequence[str], *, in_order: bool) -> Judgement:
    """One member was told what its rows say, and nothing else."""
    found = Judgement()
    for place, part in enumerate(PARTS):
        title = key + part
        row = rows[place] if place < len(rows) else {"state": "absent"}
        if row["state"] == "delivered":
            found += told(f"{title} for {destination}", heard.count(title))
        elif title in heard:
            found += wrong([f"{title} is {row['state']} for {destination}, and was told"])
    titles = [title for title in heard if title in {key + part for part in PARTS}]
    return found + wrong([f"out of order for {destination}: {titles}"] if in_order and titles != sorted(titles) else [])


def _accounts(run: Mapping[str, Any], rows: Sequence[Document], *, again: bool) -> list[str]:
    """Say where a run and its rows do not agree."""
    name, states = run.get("_id"), Counter(row["state"] for row in rows)
    cancelled = "ended" in run
    wanted = {"delivered", "skipped"} if cancelled else {"delivered"}
    found = [f"{row['_id']} is {row['state']}: {row.get('reason')}" for row in rows if row["state"] not in wanted]
    found += [
        f"{row['_id']} is skipped: {row.get('reason')}"
        for row in rows
        if row["state"] == "skipped" and row.get("reason") != CANCELLED
    ]
    if run.get("state") != ("partial" if cancelled else "finished"):
        found.append(f"{name} is {run.get('state')}")
    if run.get("active") or "open" in run:
        found.append(f"{name} is still open: {run.get('active')}")
    counts = Counter(run.get("counts", {}))
    if not run.get("total") == len(rows) == counts.total() or not (again or counts == states):
        found.append(f"{name} counts {dict(counts)} of {run.get('total')}, and there are {dict(states)}")
    return found


async def audited(stage: Stage) -> Judgement:
    """`audit` says of each news that nobody is missing, or that those are who were left out."""
    found = []
    async for event in stage.database["events"].find({"event": "news"}):
        left_out = await stage.database["discord_queue"].count_documents({"event": event["_id"], "state": "skipped"})
        said = await stage.ask("audit", event["_id"])
        if bool(said.code) != bool(left_out):
            found.append(f"audit: {said.text()}")
    return wrong(found)


async def none_is_open(stage: Stage) -> bool:
    """Say whether every run has come to its end."""
    return not await stage.database["runs"].count_documents({"open": {"$exists": True}})
