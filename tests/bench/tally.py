"""What a process asks of its database, counted by command and collection."""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import monitoring

Counts = dict[str, dict[str, int]]
# The driver's own talk, which depends on its pool and on who logs in.
DRIVERS_OWN = frozenset(
    {"hello", "isMaster", "ismaster", "ping", "endSessions", "killCursors", "authenticate", "saslStart", "saslContinue"}
)


class Tally(monitoring.CommandListener):
    """Counts commands, and the documents that they wrote."""

    def __init__(self) -> None:
        # A signal's handler may interrupt a count.
        self._lock = threading.RLock()
        self._commands: Counter[str] = Counter()
        self._documents: Counter[str] = Counter()
        self._empty: Counter[str] = Counter()
        self._places: dict[int, str] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count a command where it is sent, whatever comes of it."""
        if event.command_name in DRIVERS_OWN:
            return
        place = f"{event.command_name} {_collection(event.command_name, event.command)}".strip()
        with self._lock:
            self._commands[place] += 1
            self._places[event.request_id] = place

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Count what it wrote."""
        with self._lock:
            place = self._places.pop(event.request_id, None)
            if place and _brought_nothing(event.reply):
                self._empty[place] += 1
            if place and (written := _written(event.command_name, event.reply)):
                self._documents[place] += written

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Forget it: it was counted when it was sent."""
        with self._lock:
            self._places.pop(event.request_id, None)

    def counts(self) -> Counts:
        """Say what was counted so far."""
        with self._lock:
            return {"commands": dict(self._commands), "documents": dict(self._documents), "empty": dict(self._empty)}

    def write(self, path: Path) -> None:
        """Write the counts to a file, whole or not at all."""
        fresh = path.with_suffix(".fresh")
        fresh.write_text(json.dumps(self.counts()))
        fresh.replace(path)


def _collection(name: str, command: Mapping[str, Any]) -> str:
    value = command.get("collection" if name == "getMore" else name)
    return value if isinstance(value, str) else ""


def _brought_nothing(reply: Mapping[str, Any]) -> bool:
    # A stream's question that the server answers early, though nothing was there to tell.
    return bool(reply.get("cursor", {}).get("nextBatch") == [])


def _written(name: str, reply: Mapping[str, Any]) -> int:
    if name == "update":
        return int(reply.get("nModified", 0)) + len(reply.get("upserted", ()))
    if name == "findAndModify":
        return int(reply.get("lastErrorObject", {}).get("n", 0))
    return int(reply.get("n", 0)) if name in {"insert", "delete"} else 0


def difference(after: Counts, before: Counts) -> Counts:
    """Say what was counted between two moments."""
    return {
        kind: {place: more for place, n in after[kind].items() if (more := n - before[kind].get(place, 0))}
        for kind in after
    }


def together(several: list[Counts]) -> Counts:
    """Add up what several processes counted."""
    sums: dict[str, Counter[str]] = {"commands": Counter(), "documents": Counter(), "empty": Counter()}
    for counts in several:
        for kind, places in counts.items():
            sums[kind].update(places)
    return {kind: dict(places.most_common()) for kind, places in sums.items()}


def total(counts: Counts, kind: str) -> int:
    """Add up one kind over all places."""
    return sum(counts[kind].values())


def answered(counts: Counts) -> int:
    """Count the commands but for a stream's questions that were answered before there was anything to tell."""
    return total(counts, "commands") - total(counts, "empty")
