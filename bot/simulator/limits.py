"""Rate limits: so many requests in a window that opens with the first of them."""

from collections.abc import Mapping
from math import ceil

from bot.simulator.clock import Clock
from bot.simulator.refusals import LimitedError, opening_too_fast

GLOBAL_REQUESTS, GLOBAL_PERIOD = 50, 1.0
CREATE_REQUESTS, CREATE_PERIOD = 5, 5.0
BUCKET = "80c17d2f203122d936070c88c8d10f33"


class Window:
    """Counts requests until it closes; the next one opens it anew."""

    def __init__(self, limit: int, period: float) -> None:
        self.limit = limit
        self.period = period
        self.closes = 0.0
        self.used = 0

    def take(self, now: float) -> float:
        """Count a request and return 0, or return how long to wait."""
        if now >= self.closes:
            self.closes, self.used = now + self.period, 0
        if self.used >= self.limit:
            return self.closes - now
        self.used += 1
        return 0.0

    def headers(self, now: float) -> Mapping[str, str]:
        """Tell what is left."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": f"{self.closes:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, self.closes - now):.3f}",
            "X-RateLimit-Bucket": BUCKET,
        }


class Limits:
    """The bot's global limit, and one for creating messages in each channel."""

    def __init__(self, now: Clock, *, on: bool) -> None:
        self.on = on
        self._now = now
        self._everywhere = Window(GLOBAL_REQUESTS, GLOBAL_PERIOD)
        self._channels: dict[int, Window] = {}
        self._openings: Window | None = None  # Discord tells nobody how many it lets pass

    def take(self, creating_in: int | None) -> None:
        """Count a request, or refuse it."""
        if not self.on:
            return
        now = self._now()
        if wait := self._everywhere.take(now):
            raise LimitedError(wait, everywhere=True)
        if creating_in is not None and (wait := self._window(creating_in).take(now)):
            raise LimitedError(wait, everywhere=False)

    def limit_openings(self, most: int | None, period: float) -> None:
        """Let only so many direct messages be opened in a period, or any number."""
        self._openings = None if most is None else Window(most, period)

    def open(self) -> None:
        """Count an opening of a direct message, or refuse it."""
        if self._openings and self._openings.take(self._now()):
            raise opening_too_fast()

    def headers(self, creating_in: int | None) -> Mapping[str, str]:
        """Return the headers that tell the poster how to pace itself."""
        if not self.on or creating_in is None:
            return {}
        return self._window(creating_in).headers(self._now())

    def _window(self, channel: int) -> Window:
        return self._channels.setdefault(channel, Window(CREATE_REQUESTS, CREATE_PERIOD))


def limited_headers(wait: float, scope: str) -> dict[str, str]:
    """Return the headers that a 429 from Discord itself always has."""
    headers = {"Retry-After": str(ceil(wait)), "Via": "1.1 simulator", "X-RateLimit-Scope": scope}
    return {**headers, "X-RateLimit-Global": "true"} if scope == "global" else headers


def limited_body(wait: float, scope: str) -> dict[str, object]:
    """Return the body of a 429 from Discord itself."""
    text = "The resource is being rate limited." if scope == "shared" else "You are being rate limited."
    return {"message": text, "retry_after": round(wait, 3), "global": scope == "global"}
