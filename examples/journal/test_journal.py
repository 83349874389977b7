"""The journal keeps the contracts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tellonce_journal import Journal, JournalCarrier

from telemetry.core.delivery import Delivery
from telemetry.runtime.config import parse_config
from telemetry.testing import CarrierContract, ConsumerContract, a_delivery


class TestJournal(ConsumerContract):
    def consumer(self) -> Journal:
        return Journal(parse_config("[journal]\npath = 'kept.ndjson'", consumers=["journal"]))


class TestJournalCarrier(CarrierContract):
    @pytest.fixture(autouse=True)
    def in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        self.path = tmp_path / "kept.ndjson"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[JournalCarrier]:
        yield JournalCarrier(str(self.path))

    def delivery(self) -> Delivery:
        return a_delivery("file:kept.ndjson", {"event": "sign_up", "key": "sign_up:u1"})

    def effects(self) -> list[str]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line)["id"] for line in lines]

    def test_a_line_that_was_cut_off_is_written_again(self) -> None:
        self.test_a_delivery_has_one_effect()
        whole = self.path.read_bytes()
        for length in range(len(whole)):
            self.path.write_bytes(whole[:length])
            self._run(self._carry)
            assert whole == self.path.read_bytes()
