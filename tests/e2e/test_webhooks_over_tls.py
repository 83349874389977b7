"""Webhooks over TLS: told where the certificate is valid, and not where it is not."""

import ssl
from pathlib import Path

import pytest

from telemetry.core.delivery import State
from telemetry.store.deliveries import Deliveries
from telemetry.store.endpoints import Endpoints
from tests.e2e.test_webhooks import Story
from tests.e2e.world import World
from tests.receiver import SECRET, Receiver
from tests.until import until

# Made for these tests: nobody else trusts it.
PEM, KEY = (Path(__file__).parent / "tls" / name for name in ("localhost.pem", "localhost.key"))


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(PEM, KEY)
    return made


@pytest.mark.parametrize(
    ("trusted", "state", "said"),
    [(True, State.DELIVERED, ""), (False, State.DEAD, "its certificate is not valid")],
    ids=["trusted", "not trusted"],
)
async def test_an_endpoint_is_told_over_tls_if_its_certificate_is_valid(
    world: World, trusted: bool, state: State, said: str
) -> None:
    async with Receiver(tls=context()) as receiver:
        world.env |= {"TELLONCE_WEBHOOK_SCHEDULE": "0.05s"} | ({"SSL_CERT_FILE": str(PEM)} if trusted else {})
        story = Story(world, receiver)
        told = {"url": receiver.url.replace("127.0.0.1", "localhost"), "events": ["*"]}
        assert await Endpoints(world.connection).add("crm", told, SECRET)
        await story.begin()
        await world.start_plainly("courier", "webhook").ready()
        key = await story.post()

        async def ended() -> bool:
            """It is as it should be."""
            rows = await Deliveries(world.connection, "webhook").of_event(key)
            return [state] == [row.state for row in rows] and said in (rows[0].reason or "")

        await until(ended)
        assert bool(receiver.taken) is trusted
