"""What the simulated Discord refuses, in its own numbers and words."""

from typing import Any


class RefusedError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def payload(self) -> dict[str, Any]:
        """Return the error object of the API."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        return {**body, "errors": self.errors} if self.errors else body


class LimitedError(Exception):
    """Too many requests: wait."""

    def __init__(self, wait: float, *, everywhere: bool) -> None:
        super().__init__("You are being rate limited.")
        self.wait = wait
        self.everywhere = everywhere


def unauthorized() -> RefusedError:
    """Refuse a token that is not valid."""
    return RefusedError(401, 0, "401: Unauthorized")


def browser_like() -> RefusedError:
    """Refuse a User-Agent that is missing or a browser's."""
    return RefusedError(403, 40333, "internal network error")


def unknown_channel() -> RefusedError:
    """Refuse what is asked of no channel."""
    return RefusedError(404, 10003, "Unknown Channel")


def unknown_guild() -> RefusedError:
    """Refuse what is asked of no guild."""
    return RefusedError(404, 10004, "Unknown Guild")


def unknown_member() -> RefusedError:
    """Refuse what is asked of no member."""
    return RefusedError(404, 10007, "Unknown Member")


def unknown_message() -> RefusedError:
    """Refuse what is asked of a message that is not, or no longer, there."""
    return RefusedError(404, 10008, "Unknown Message")


def not_found() -> RefusedError:
    """Refuse a route that does not exist."""
    return RefusedError(404, 0, "404: Not Found")


def missing_access() -> RefusedError:
    """Refuse what the bot cannot see."""
    return RefusedError(403, 50001, "Missing Access")


def missing_permissions() -> RefusedError:
    """Refuse what the bot sees and may not do."""
    return RefusedError(403, 50013, "Missing Permissions")


def cannot_send(status: int = 403) -> RefusedError:
    """Refuse a direct message to somebody who takes none."""
    return RefusedError(status, 50007, "Cannot send messages to this user")


def invalid_recipient() -> RefusedError:
    """Refuse to open a direct message to nobody."""
    return RefusedError(400, 50033, "Invalid Recipient(s)")


def opening_too_fast() -> RefusedError:
    """Refuse to open so many direct messages in so short a time."""
    # The documentation names no status; 403 and 400 have both been seen with this code.
    return RefusedError(403, 40003, "You are opening direct messages too fast")


def not_yours() -> RefusedError:
    """Refuse to let anyone but its author edit a message."""
    return RefusedError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> RefusedError:
    """Refuse a message of which nothing would be shown."""
    return RefusedError(400, 50006, "Cannot send an empty message")


def unreadable() -> RefusedError:
    """Refuse a body that is not JSON."""
    return RefusedError(400, 50109, "The request body contains invalid JSON.")


def invalid_form(errors: dict[str, Any]) -> RefusedError:
    """Refuse a body that breaks a limit; the tree says where."""
    return RefusedError(400, 50035, "Invalid Form Body", errors)


def too_large() -> RefusedError:
    """Refuse a request that is larger than Discord takes."""
    return RefusedError(413, 40005, "Request entity too large")
