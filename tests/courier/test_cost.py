"""What a delivery costs the database, in documents written and commands sent."""

from collections import Counter

from telemetry.core.carrier import Terms
from telemetry.store.client import connect
from tests.bench.tally import Counts, Tally, difference
from tests.courier.conftest import Office
from tests.until import until

BACKLOG = 40


async def counted(office: Office, uri: str, database: str, *keys: str) -> Counts:
    """Count what a courier asks of the database while it carries some deliveries, its first one left out."""
    tally = Tally()
    async with connect(uri, database, listeners=[tally]) as watched:
        beside = Office(watched)
        beside.postman.asked = Terms(ordered=False)
        async with beside.courier(courier_lease=30.0, courier_poll=60.0):
            await office.offer("sign_up:first")
            await heard(tally, 1)
            before = tally.counts()
            await office.offer(*keys)
            await heard(tally, 1 + len(keys))
            return difference(tally.counts(), before)


async def heard(tally: Tally, number: int) -> None:
    """Wait until so many deliveries were carried whole, as the tally hears of it: later than the database knows."""

    async def carried() -> bool:
        """Heard of the claim, the settling and the entry of the log of each."""
        documents = tally.counts()["documents"]
        return documents.get("update parcel_queue", 0) >= 2 * number and documents.get("insert attempts", 0) >= number

    await until(carried)


async def test_a_delivery_is_written_when_it_is_claimed_and_when_it_is_settled_and_once_in_the_log(
    office: Office, mongodb_uri: str, database: str
) -> None:
    counts = await counted(office, mongodb_uri, database, "sign_up:u1")
    assert {"update parcel_queue": 2, "insert attempts": 1} == counts["documents"]


async def test_a_backlog_takes_few_commands_a_delivery(office: Office, mongodb_uri: str, database: str) -> None:
    counts = await counted(office, mongodb_uri, database, *(f"sign_up:u{n}" for n in range(BACKLOG)))
    assert {"update parcel_queue": 2 * BACKLOG, "insert attempts": BACKLOG} == counts["documents"]
    commands = Counter(counts["commands"])
    asked = commands.total() - sum(n for name, n in commands.items() if name.startswith(("getMore", "aggregate")))
    assert asked <= 4.5 * BACKLOG, commands
