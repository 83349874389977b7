"""Endpoints as the file spells them."""

from datetime import timedelta

import pytest

from consumers.webhook.consumer import connect, payload
from consumers.webhook.endpoint import check_secret, merged, new_secret, read_endpoints
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import parse_config
from telemetry.store.endpoints import StoredEndpoint
from tests.facts import LONG_AGO, an_event, planned
from tests.receiver import SECRET

CRM = f"""
[webhook.endpoints.crm]
url = "https://crm.example.com/hooks"
secret = "{SECRET}"
events = ["sign_up"]
"""


def test_an_endpoint_is_read_with_its_secret_or_with_two() -> None:
    other = new_secret()
    config = parse_config(CRM.replace(f'"{SECRET}"', f'["{other}", "{SECRET}"]'))
    crm = read_endpoints(config)["crm"]
    assert "webhook:crm" == crm.destination
    assert [other, SECRET] == [secret.value for secret in crm.secrets]
    assert (4, False, None) == (crm.table.concurrency, crm.table.ordered, crm.table.rate)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (CRM.replace("https:", "ftp:"), 'crm.url: expected an address as in https://example.com/hooks, not "ftp:'),
        (CRM.replace("https://", "https://me:word@"), "without a user and password"),
        (CRM.replace("/hooks", "/hooks#x"), "without a fragment"),
        (CRM.replace(SECRET, "whsec_dG9vIHNob3J0"), "crm.secret#1: expected whsec_ and 24 to 64 bytes"),
        (CRM.replace(SECRET, SECRET[6:]), "crm.secret#1: expected whsec_"),
        (CRM.replace("crm]", '"c|rm"]'), "expected a name of up to 64 letters"),
        (CRM.replace('["sign_up"]', "[]"), "crm.events: expected at least 1"),
        (CRM + "concurrency = 0", "crm.concurrency: expected greater than or equal to 1"),
        (CRM + "rates = 1", "crm.rates: unknown entry; expected .* did you mean"),
        (CRM + 'secret = "x"', "not TOML"),
    ],
)
def test_a_mistake_is_named_in_one_line_that_tells_no_secret(wrong: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as told:
        read_endpoints(parse_config(wrong))
    assert SECRET not in str(told.value)
    assert "dG9vIHNob3J0" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_made_secret_is_a_good_one_and_never_the_same() -> None:
    assert check_secret(new_secret()) != check_secret(new_secret())


def test_each_endpoint_that_wants_an_event_gets_one_delivery_in_the_same_bytes() -> None:
    consumer = connect(parse_config(CRM + CRM.replace("crm]", "all]").replace('["sign_up"]', '["*"]')))
    event = an_event("sign_up:u1", name="Zoë", nested={"b": 1, "a": 2})
    plan = planned(consumer, event)
    assert ["sign_up:u1|webhook:crm", "sign_up:u1|webhook:all"] == [delivery.id for delivery in plan]
    assert 1 == len({delivery.body["text"] for delivery in plan})
    assert ["webhook:all"] == [delivery.destination for delivery in planned(consumer, an_event("badge_awarded:u1"))]


def test_the_body_is_what_standard_webhooks_asks_for() -> None:
    assert payload(an_event("sign_up:u1", plan="pro")) == (
        '{"data":{"distinct_id":"u1","key":"sign_up:u1","properties":{"plan":"pro"}},'
        '"timestamp":"2026-01-01T00:00:00.000Z","type":"sign_up"}'
    )


def test_an_event_is_meant_for_those_that_were_there_when_it_was_received() -> None:
    """
    Planned again after a crash, it goes to the same endpoints, whatever came and went meanwhile.
    """
    told, second = {"url": "https://example.com/", "events": ["*"]}, timedelta(seconds=1)
    rows = [
        StoredEndpoint("removed before", told, [], None, added_at=LONG_AGO - second, removed_at=LONG_AGO),
        StoredEndpoint("removed after", told, [], None, added_at=LONG_AGO - second, removed_at=LONG_AGO + second),
        StoredEndpoint("added before", told, [], None, added_at=LONG_AGO),
        StoredEndpoint("added after", told, [], None, added_at=LONG_AGO + second),
    ]
    endpoints = merged({}, {row.name: row for row in rows})
    event = an_event("sign_up:u1")
    assert ["added before", "removed after"] == [name for name, one in endpoints.items() if one.wants(event)]


def test_a_row_that_cannot_be_read_is_left_out_and_the_others_are_there() -> None:
    good = StoredEndpoint("good", {"url": "https://example.com/", "events": ["*"]}, [], None)
    newer = StoredEndpoint("newer", {"url": "https://example.com/", "events": ["*"], "speed": "light"}, [], None)
    assert ["good"] == list(merged({}, {"good": good, "newer": newer}))


def test_a_type_without_a_policy_is_warned_of() -> None:
    consumer = connect(parse_config(CRM.replace('["sign_up"]', '["sign_up", "*", "order_paid"]')))
    (line,) = consumer.warnings()
    assert "webhook.endpoints.crm: type 'order_paid' has no key policy" in line
