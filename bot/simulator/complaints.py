"""The tree of what is wrong with a request body, as Discord draws it."""

from typing import Any

from bot.simulator.refusals import invalid_form

Place = tuple[str | int, ...]


class Complaints:
    """Collects complaints by place; an empty one lets the body pass."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add(self, place: Place, code: str, message: str) -> None:
        """Complain about a place in the body."""
        node = self._tree
        for step in place:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def too_long(self, place: Place, limit: int) -> None:
        """Complain about length."""
        self.add(place, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")

    def required(self, place: Place) -> None:
        """Complain about absence."""
        self.add(place, "BASE_TYPE_REQUIRED", "This field is required")

    def settle(self) -> None:
        """Refuse the body if there was any complaint."""
        if self._tree:
            raise invalid_form(self._tree)
