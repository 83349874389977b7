"""Cron in a time zone: five fields, as Debian reads them, daylight saving included.

A job at fixed hours (`30 2 * * *`) comes once a day: where clocks skip its time, at the first moment after the gap,
and where they show it twice, the first time. A job whose minutes or hours begin with a star (`*/15 * * * *`) comes
whenever the clocks show its time: not in the gap, and twice in an hour that is repeated.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
LONGEST_CRON = 200
SECOND = timedelta(seconds=1)
SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments at which the clocks of a zone show what an expression of five fields says."""

    expression: str
    zone: str

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give the occurrences after a moment, in UTC, in order; none where it is impossible."""
        last = moment
        # In a repeated hour the library may begin with what is past.
        for found in self._walk(moment):
            if found > last:
                last = found
                yield found

    def latest(self, moment: datetime) -> datetime | None:
        """Find the last occurrence at or before a moment."""
        found = next((past for past in self._walk(moment + SECOND, back=True) if past <= moment), None)
        # Walking back, the library passes over the first showing of an hour that is shown twice.
        for later in self.after(found) if found else ():
            if later > moment:
                break
            found = later
        return found

    def _walk(self, moment: datetime, *, back: bool = False) -> Iterator[datetime]:
        local = moment.astimezone(ZoneInfo(self.zone) if self.zone != "UTC" else UTC)
        # The library walks by whole hours: on Lord Howe Island, whose clocks move by half of one, a job with a star may
        # lose an occurrence on those two days. One at fixed hours does not.
        # Beyond the year 9999 there is nothing to walk to.
        with suppress(OverflowError):
            for found in CronSim(self.expression, local, reverse=back):
                yield found.astimezone(UTC)


def check_cron(expression: str) -> str:
    """Return an expression, spelt with single blanks; raise ValueError saying what is wrong with it."""
    fields = expression.split()
    if len(fields) != FIELDS or len(expression) > LONGEST_CRON:
        raise ValueError("expected five fields, as in 0 9 * * 1-5: minute, hour, day, month, day of the week")
    try:
        CronSim(expression, SOME_DAY)
    except CronSimError as error:
        raise ValueError(_said(str(error))) from error
    if next(Cron(expression, "UTC").after(SOME_DAY), None) is None:
        raise ValueError(f"expected a day that comes, not one that no year has, as {expression!r} says")
    return " ".join(fields)


def _said(complaint: str) -> str:
    field = complaint.removeprefix("Bad ")
    if field == "day-of-month":
        return "expected a day that the month has, as in 0 9 28 2 *"
    article = "an" if field == "hour" else "a"
    return f"expected {article} {field.replace('-', ' ')} as cron has it, as in 0 9 * * 1-5"
