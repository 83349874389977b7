"""`tellonce verify`: prove that nothing was lost and nothing invented."""

from collections.abc import Iterator

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, count, counting, say, show_json, table
from telemetry.core.delivery import State
from telemetry.ops.judgement import Sums
from telemetry.ops.verify import Report
from telemetry.ops.verify import verify as prove

NUMBERS = (
    *("accepted", "owed", "acked", "cancelled", "not owed", "offered", "deliveries"),
    *("delivered", "held", "pending", "in flight", "dead", "parked", "skipped"),
)


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def verify(*, as_json: AsJson = False) -> None:
        """Prove that nothing was lost or invented. Everything may go on meanwhile; exit 1 when the law is broken."""
        with counting("events") as seen:
            report = answer(lambda connection: prove(connection, seen))
        if as_json:
            show_json(_plain(report))
        else:
            _show(report)
        if not report.holds:
            raise typer.Exit(1)


def _show(report: Report) -> None:
    console().print(table("What is stored", ("type", "consumer", *NUMBERS), map(_cells, _rows(report)), right=NUMBERS))
    if report.holds:
        say("the law holds: every ack has its rows, every row its event", style="green")
        return
    for kind, number in report.breaches.items():
        more = f", and {report.unread[kind]:,} more on one reading" if report.unread[kind] else ""
        say(f"broken: {kind}: {count(number, 'time')}{more}", style="red")
        for suspect in report.samples:
            if suspect.kind is kind:
                say(f"  {suspect.key} ({suspect.consumer}): {suspect.detail}")
    say("`tellonce explain KEY` tells more of each")


def _rows(report: Report) -> Iterator[dict[str, object]]:
    for (event_type, consumer), sums in sorted(report.totals.shares.items()):
        accepted = report.totals.accepted[event_type]
        yield {"type": event_type, "consumer": consumer, "accepted": accepted, **_numbers(sums)}


def _numbers(sums: Sums) -> dict[str, object]:
    states = sums.states
    return {
        "owed": sums.owed,
        "acked": sums.acked,
        "cancelled": sums.cancelled,
        "not owed": sums.not_owed,
        "offered": sums.offered,
        "deliveries": sums.deliveries,
        "delivered": states[State.DELIVERED],
        "held": states[State.HELD],
        "pending": states[State.PENDING] - sums.in_flight,
        "in flight": states[State.LEASED] + sums.in_flight,
        "dead": states[State.DEAD],
        "parked": states[State.PARKED],
        "skipped": states[State.SKIPPED],
    }


def _cells(row: dict[str, object]) -> list[str]:
    return [f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()]


def _plain(report: Report) -> dict[str, object]:
    return {
        "holds": report.holds,
        "breaches": {kind.name.lower(): number for kind, number in report.breaches.items()},
        "more_suspects": {kind.name.lower(): number for kind, number in report.unread.items()},
        "samples": [
            {"kind": one.kind.name.lower(), "key": one.key, "consumer": one.consumer, "detail": one.detail}
            for one in report.samples
        ],
        "totals": [{name.replace(" ", "_"): value for name, value in row.items()} for row in _rows(report)],
        "read_again": report.reread,
    }
