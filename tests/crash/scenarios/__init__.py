"""The scenarios of the matrix, by the daemon that is struck."""

from tests.crash.scenarios import bot, courier, handlers, ingest, operators, runs, schedules, watcher

SCENARIOS = (
    *ingest.SCENARIOS,
    *watcher.SCENARIOS,
    *schedules.SCENARIOS,
    *runs.SCENARIOS,
    *bot.SCENARIOS,
    *courier.SCENARIOS,
    *handlers.SCENARIOS,
    *operators.SCENARIOS,
)
