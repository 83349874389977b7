"""Why a request as a whole is not taken."""

from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - the field's word for it
    """A request that is answered with an error, and the status and headers to do it with."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def busy(why: str, seconds: int = 1) -> Refusal:
    """Refuse for the moment: sending the same again is safe."""
    return Refusal(503, f"{why}; send the same again, it is safe", {"Retry-After": str(seconds)})
