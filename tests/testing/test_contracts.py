"""The kit says no to each broken promise, and yes where they are kept."""

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import anyio
import pytest

from consumers.discord import consumer as discord
from consumers.webhook import consumer as webhook
from telemetry.core.carrier import Carrier, Errand
from telemetry.core.delivery import Delivery
from telemetry.core.errors import StaleError
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.outcome import Delivered, Outcome, Retry
from telemetry.runtime.config import parse_config
from telemetry.testing import CarrierContract, ConsumerContract, a_delivery, an_event
from tests.receiver import SECRET

CONFIG = f"""
[discord.channels]
community = "112233445566778899"
[[discord.routes]]
events = ["*"]
channel = "community"
title = "{{{{ distinct_id }}}}"
body = "{{{{ properties.name }}}}"
audiences = ["all"]
parts = [{{ content = "{{{{ properties.name }}}}" }}]
[webhook.endpoints.crm]
url = "https://crm.example.com/"
secret = "{SECRET}"
events = ["*"]
[[webhook.routes]]
events = ["*"]
audiences = ["all"]
"""
Plan = Callable[[Event], Sequence[Delivery | FanOut]]


class TestDiscord(ConsumerContract):
    def consumer(self) -> discord.DiscordConsumer:
        return discord.connect(parse_config(CONFIG))


class TestWebhook(ConsumerContract):
    def consumer(self) -> webhook.WebhookConsumer:
        return webhook.connect(parse_config(CONFIG))


class Planner:
    """A consumer that plans as it is told to."""

    def __init__(self, plan: Plan, name: str = "planner") -> None:
        self.name = name
        self._plan = plan

    def plan(self, event: Event) -> Sequence[Delivery | FanOut]:
        return self._plan(event)


def well(event: Event, to: str = "place:1", **fields: Any) -> Delivery:
    return Delivery.of(event, to, {"key": event.key}, **fields)


def changing() -> Plan:
    numbers = count()
    return lambda event: [well(event, f"place:{next(numbers)}")]


def meddling(event: Event) -> Sequence[Delivery]:
    event.properties["seen"] = True  # type: ignore[index]
    return [well(event)]


def odd(event: Event) -> Sequence[Delivery]:
    event.properties["name"].upper()
    return [well(event)]


BROKEN_PLANS: dict[str, Plan] = {
    "test_it_wants_what_it_is_for": lambda _: [],
    "test_the_same_event_gives_the_same_plan": changing(),
    "test_an_event_is_not_changed": meddling,
    "test_a_destination_is_told_once": lambda event: [well(event), well(event)],
    "test_deliveries_are_named_after_their_event_and_destination": lambda event: [well(event, "a|b")],
    "test_deliveries_carry_what_the_event_gives_them": lambda event: [well(an_event("sign_up", "u1", event.key))],
    "test_bodies_survive_being_stored": lambda event: [Delivery.of(event, "place:1", {"at": event.time})],
    "test_odd_events_are_planned_too": odd,
}


def contract_of(plan: Plan, name: str = "planner") -> ConsumerContract:
    class Contract(ConsumerContract):
        def consumer(self) -> Planner:
            return Planner(plan, name)

    return Contract()


def promises(contract: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(contract, inspect.isfunction) if name.startswith("test_")}


@pytest.mark.parametrize(
    ("promise", "plan"),
    [
        # The second part is named as if it were the third.
        ("are_named_after_their_event_and_destination", lambda event: [well(event), well(event, part=2)]),
        ("carry_what_the_event_gives_them", lambda event: [well(event), replace(well(event, part=1), order=0)]),
    ],
)
def test_parts_are_numbered_in_their_order(promise: str, plan: Plan) -> None:
    getattr(contract_of(lambda event: [well(event), well(event, part=1)]), f"test_deliveries_{promise}")()
    with pytest.raises(AssertionError):
        getattr(contract_of(plan), f"test_deliveries_{promise}")()


def test_what_members_of_audiences_get_is_json_too() -> None:
    contract = contract_of(lambda event: [FanOut(["all"], ["place"], [{"at": event.time}], "planner")])
    with pytest.raises(AssertionError, match="a body for members of all holds"):
        contract.test_bodies_survive_being_stored()


@pytest.mark.parametrize("promise", sorted(promises(ConsumerContract)))
def test_a_consumer_that_keeps_its_promises_passes(promise: str) -> None:
    getattr(contract_of(lambda event: [well(event), well(event, "place:2")]), promise)()


@pytest.mark.parametrize("promise", BROKEN_PLANS)
def test_a_consumer_that_breaks_a_promise_fails(promise: str) -> None:
    with pytest.raises(AssertionError):
        getattr(contract_of(BROKEN_PLANS[promise]), promise)()


def test_every_promise_of_a_consumer_is_seen_to_fail() -> None:
    assert promises(ConsumerContract) == {*BROKEN_PLANS, "test_its_name_can_be_stored"}
    with pytest.raises(Exception, match="a name must not"):
        contract_of(lambda _: [], "a.b").test_its_name_can_be_stored()


class Outside:
    """What carriers have done, and what it remembers across them."""

    def __init__(self) -> None:
        self.seen: list[str] = []


class Handing(Carrier):
    """A carrier that hands over as it is told to."""

    def __init__(self, outside: Outside, hand: Callable[["Handing", Errand], Any]) -> None:
        self.outside = outside
        self.mine: set[str] = set()
        self.lock = anyio.Lock()
        self._hand = hand

    async def carry(self, errand: Errand) -> Outcome:
        outcome: Outcome = await self._hand(self, errand)
        return outcome


async def properly(carrier: Handing, errand: Errand) -> Outcome:
    if not errand.fresh():
        raise StaleError
    await anyio.sleep(0.001)
    if errand.id not in carrier.outside.seen:
        carrier.outside.seen.append(errand.id)
    await anyio.sleep(0.001)
    return Delivered()


async def always(carrier: Handing, errand: Errand) -> Outcome:
    await anyio.sleep(0.001)
    carrier.outside.seen.append(errand.id)
    await anyio.sleep(0.001)
    return Delivered()


async def from_memory(carrier: Handing, errand: Errand) -> Outcome:
    if errand.id not in carrier.mine:
        carrier.outside.seen.append(errand.id)
        carrier.mine.add(errand.id)
    return Delivered()


async def unlocked(carrier: Handing, errand: Errand) -> Outcome:
    known = errand.id in carrier.outside.seen
    await anyio.sleep(0.001)
    if not known:
        carrier.outside.seen.append(errand.id)
    return Delivered()


async def by_delivery(carrier: Handing, errand: Errand) -> Outcome:
    if errand.delivery.id not in carrier.outside.seen:
        carrier.outside.seen.append(errand.delivery.id)
    return Delivered()


async def heedless(carrier: Handing, errand: Errand) -> Outcome:
    errand.fresh()
    return await always(carrier, errand)


async def never(_: Handing, errand: Errand) -> Outcome:
    return Retry(f"not {errand.id}")


BROKEN_HANDS: dict[str, Any] = {
    "test_a_delivery_has_one_effect": never,
    "test_carried_again_it_still_has_one": always,
    "test_carried_again_after_a_restart_it_still_has_one": from_memory,
    "test_carried_by_two_at_once_it_has_one": unlocked,
    "test_interrupted_and_carried_again_it_has_one": always,
    "test_told_anew_it_has_another": by_delivery,
    "test_nothing_is_done_on_an_old_claim_by_one_who_looks": heedless,
}


def carrier_contract_of(hand: Any, terms: Any = None) -> CarrierContract:
    outside = Outside()

    class Contract(CarrierContract):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[Carrier]:
            made = Handing(outside, hand)
            if terms is not None:
                made.terms = terms  # type: ignore[method-assign]
            yield made

        def delivery(self) -> Delivery:
            return a_delivery("place:1", {"key": "sign_up:u1"})

        def effects(self) -> Sequence[str]:
            return outside.seen

    return Contract()


@pytest.mark.parametrize("promise", sorted(promises(CarrierContract)))
def test_a_carrier_that_keeps_its_promises_passes(promise: str) -> None:
    getattr(carrier_contract_of(properly), promise)()


@pytest.mark.parametrize("promise", BROKEN_HANDS)
def test_a_carrier_that_breaks_a_promise_fails(promise: str) -> None:
    with pytest.raises(AssertionError):
        getattr(carrier_contract_of(BROKEN_HANDS[promise]), promise)()


def test_every_promise_of_a_carrier_is_seen_to_fail() -> None:
    assert promises(CarrierContract) == {*BROKEN_HANDS, "test_its_terms_are_ones_that_a_courier_knows"}

    async def strange(_: str) -> str:
        return "as you like"

    with pytest.raises(AssertionError, match="expected Terms or Closed"):
        carrier_contract_of(properly, strange).test_its_terms_are_ones_that_a_courier_knows()
