"""A journal of everything: each event becomes one line of JSON in a file, synced to the disk."""

import fcntl
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.to_thread import run_sync

from telemetry.core.carrier import Carrier, Errand
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.outcome import Delivered
from telemetry.courier.service import Surroundings
from telemetry.runtime.config import Config, Table, validated


class JournalTable(Table):
    path: str = "journal.ndjson"


class Journal:
    name = "journal"

    def __init__(self, config: Config) -> None:
        self.path = validated(JournalTable, config.section("journal"), config.source, "journal").path

    def plan(self, event: Event) -> list[Delivery]:
        body = {"event": event.type, "key": event.key, "properties": event.properties}
        return [Delivery.of(event, f"file:{self.path}", body)]


class JournalCarrier(Carrier):
    def __init__(self, path: str) -> None:
        self.path, self.held, self.read = Path(path), set[str](), 0

    async def carry(self, errand: Errand) -> Delivered:
        await run_sync(self._append, errand.id, errand.delivery.body)
        return Delivered({"file": str(self.path)})

    def _append(self, name: str, body: Mapping[str, object]) -> None:
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another courier may be at it
            file.seek(self.read)
            whole, _, _ = file.read().rpartition(b"\n")  # what follows is of one that was killed in the middle
            self.held |= {json.loads(line)["id"] for line in whole.splitlines()}
            self.read += len(whole) + bool(whole)
            file.truncate(self.read)
            if name not in self.held:
                file.write(json.dumps({"id": name, **body}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


@asynccontextmanager
async def open_carrier(around: Surroundings) -> AsyncIterator[JournalCarrier]:
    yield JournalCarrier(Journal(around.config).path)
