"""A canary to an endpoint that is for tests: the type's own message, told there alone."""

from telemetry.core.canary import CANARY, as_canary, plan_canary
from telemetry.core.delivery import State
from telemetry.runtime.config import parse_config
from tests.consumers.webhook.conftest import Agency
from tests.facts import an_event
from tests.receiver import SECRET, Receiver

ENDPOINT = '[webhook.endpoints.{name}]\nurl = "{url}"\nsecret = "{secret}"\nevents = ["{event}"]\n'


async def test_it_is_told_to_the_endpoint_for_tests_and_to_no_other(agency: Agency) -> None:
    async with Receiver() as crm, Receiver() as probe:
        wanted = {"crm": (crm.url, "sign_up"), "probe": (probe.url, CANARY)}
        config = parse_config(
            "".join(
                ENDPOINT.format(name=name, url=url, secret=SECRET, event=event) for name, (url, event) in wanted.items()
            )
        )
        consumer = agency.consumer(config)
        await consumer.refresh(agency.connection)
        (delivery,) = plan_canary(consumer, as_canary(an_event("sign_up:canary-1"), "webhook:probe"))
        await agency.queue.offer([delivery])
        async with agency.courier(config):
            await agency.until(State.DELIVERED, f"{CANARY}:sign_up:canary-1|webhook:probe")
        assert ([], ["sign_up"]) == (crm.heard, [one.told["type"] for one in probe.heard])


async def test_a_type_that_no_endpoint_wants_comes_to_nothing(agency: Agency) -> None:
    consumer = agency.consumer(parse_config(""))
    assert [] == plan_canary(consumer, as_canary(an_event("sign_up:canary-1"), "webhook:probe"))
