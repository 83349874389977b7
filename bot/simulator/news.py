"""What has just happened, for whoever listens: gateway sessions and open pages."""

from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]
Listener = Callable[[str, Payload], None]


class News:
    """Passes every event on to all listeners, in the order it happened."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Tell this listener of everything from now on."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Tell this listener nothing more."""
        self._listeners.remove(listener)

    def tell(self, event: str, payload: Payload) -> None:
        """Pass an event on."""
        for listener in tuple(self._listeners):
            listener(event, payload)
