"""What was parked with an endpoint comes back by itself when one of that name does."""

from consumers.webhook.endpoint import read_told
from telemetry.core.delivery import State
from telemetry.runtime.config import parse_config
from telemetry.store.client import Connection
from tests.consumers.webhook.conftest import Agency
from tests.receiver import SECRET, Receiver

KEY = "sign_up:u1"
ROW = f"{KEY}|webhook:crm"


async def add(agency: Agency, url: str) -> None:
    assert await agency.endpoints.add("crm", read_told(url=url, events=["*"]).model_dump(), SECRET)


async def test_one_that_was_removed_and_is_added_again_elsewhere_hears_what_waited(
    agency: Agency, connection: Connection
) -> None:
    none = parse_config("")
    async with Receiver() as former, Receiver() as later:
        consumer = agency.consumer(agency.config(crm=former.url))
        await agency.tell(consumer, KEY)
        async with agency.courier(none):
            await agency.until(State.PARKED, ROW)
            assert "comes back when one of that name is added" in str((await agency.row(ROW)).reason)
            await add(agency, later.url)
            await agency.until(State.DELIVERED, ROW)
            assert await agency.endpoints.remove("crm")
            assert "crm" in await agency.endpoints.all()
        assert ([], [KEY]) == (former.taken, later.taken)


async def test_one_that_is_off_and_on_again_hears_each_once(agency: Agency) -> None:
    async with Receiver() as crm:
        config = agency.config(crm=crm.url)
        async with agency.courier(config):
            await agency.endpoints.disable("crm", "by an operator")
            await agency.tell(agency.consumer(config), KEY, "sign_up:u2")
            await agency.until(State.PARKED, ROW, "sign_up:u2|webhook:crm")
            await agency.endpoints.enable("crm")
            await agency.until(State.DELIVERED, ROW, "sign_up:u2|webhook:crm")
        assert [KEY, "sign_up:u2"] == sorted(crm.taken)


async def test_one_that_the_file_names_no_more_hears_what_waited_once_it_does_again(agency: Agency) -> None:
    async with Receiver() as crm:
        config = agency.config(crm=crm.url)
        await agency.tell(agency.consumer(config), KEY)
        async with agency.courier(parse_config("")):
            await agency.until(State.PARKED, ROW)
        async with agency.courier(config):
            await agency.until(State.DELIVERED, ROW)
        assert [KEY] == crm.taken
