"""Routes that tell the endpoints of audiences."""

import pytest

from consumers.webhook.consumer import connect
from telemetry.core.delivery import Delivery, State
from telemetry.core.errors import ConfigurationError
from telemetry.core.fan_out import FanOut
from telemetry.runtime.config import parse_config
from tests.consumers.webhook.test_endpoint import CRM
from tests.facts import an_event

ROUTE = """
[[webhook.routes]]
events = ["sign_up"]
audiences = ["partners"]
account = "{{ properties.account }}"
"""


def test_an_endpoint_of_an_audience_gets_the_body_that_every_endpoint_gets() -> None:
    """
    One that asked for the event itself has the delivery under the same id, so it is told once.
    """
    delivery, fan_out = connect(parse_config(CRM + ROUTE)).plan(an_event("sign_up:u1", account="acme"))
    assert isinstance(delivery, Delivery)
    assert isinstance(fan_out, FanOut)
    assert FanOut(("partners",), ("webhook",), [delivery.body], "acme", {"group": delivery.group}) == fan_out


def test_a_route_is_for_its_types_alone() -> None:
    assert [] == connect(parse_config(ROUTE)).plan(an_event("badge_awarded:u1"))


def test_an_account_that_fails_makes_dead_deliveries_with_the_reason() -> None:
    text = ROUTE.replace("properties.account", "1 / 0")
    (fan_out,) = connect(parse_config(text)).plan(an_event("sign_up:u1"))
    assert isinstance(fan_out, FanOut)
    assert State.DEAD == fan_out.fields["state"]
    assert "template of webhook.routes#1: ZeroDivisionError: division by zero" == fan_out.fields["reason"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ROUTE.replace('["partners"]', "[]"), "webhook.routes#1.audiences: expected at least 1 of them, not 0"),
        (ROUTE.replace('audiences = ["partners"]', ""), "webhook.routes#1.audiences: required, but missing"),
        (
            ROUTE.replace("partners", "our partners"),
            "webhook.routes#1.audiences#1: expected an audience's name of up to",
        ),
        (ROUTE.replace("partners", "a|b"), "expected an audience's name"),
        (ROUTE.replace("properties", "propertis"), 'unknown variable "propertis" in the template; did you mean'),
        (
            ROUTE.replace("sign_up", "sing_up"),
            'webhook.routes#1.events: unknown type "sing_up"; did you mean "sign_up"?',
        ),
        (ROUTE + "channel = 1", "webhook.routes#1.channel: unknown entry; expected account, audiences, events"),
    ],
)
def test_a_mistake_in_a_route_is_named_in_one_line(wrong: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        connect(parse_config(wrong))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_route_for_a_type_without_a_policy_is_warned_of_and_what_it_names_is_known() -> None:
    consumer = connect(parse_config(ROUTE.replace("sign_up", "order_paid")))
    (line,) = consumer.warnings()
    assert "webhook.routes#1: type 'order_paid' has no key policy" in line
    assert {"webhook.routes#1": ["partners"]} == consumer.audiences()
