"""Ingest is struck while producers send."""

from tests.crash.scenario import Scenario, Start, sign_ups

PRODUCED = sign_ups(6)
SCENARIOS = (
    Scenario(
        "ingest: batches with duplicates",
        "ingest",
        PRODUCED,
        Start.NOTHING,
        batches=(
            [fact.body() for fact in (*PRODUCED[:4], PRODUCED[0])],
            [fact.body() for fact in PRODUCED[2:]],
            [PRODUCED[5].body(time="2026-01-01T00:00:00Z")],
        ),
        crew=("watch", "bot"),
        in_order=False,
        actions=("kill", "stop"),
    ),
)
