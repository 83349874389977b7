"""Signatures that the reference implementation verifies."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from consumers.webhook.endpoint import new_secret
from consumers.webhook.signing import signed
from telemetry.core.carrier import Errand
from tests.facts import a_delivery, an_event
from tests.receiver import SECRET

TEXT = '{"data":{"name":"Zo\\u00eb"},"type":"sign_up"}'


def now() -> datetime:
    return datetime.now(UTC)


def test_the_signature_is_the_one_of_the_specification() -> None:
    # Standard Webhooks, "Example signatures" of its reference test suite.
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed(message, at, '{"test": 2432232314}', [secret])
    assert headers == {
        "webhook-id": message,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_rotated_either_one_verifies() -> None:
    fresh, stranger = new_secret(), new_secret()
    headers = signed("msg_1", now(), TEXT, [fresh, SECRET])
    for secret in (fresh, SECRET):
        assert "sign_up" == Webhook(secret).verify(TEXT, headers)["type"]
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(TEXT, headers)


def test_a_changed_body_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(TEXT + " ", signed("msg_1", now(), TEXT, [SECRET]))


def test_the_id_is_ascii_whatever_the_key_holds_and_another_for_each_generation() -> None:
    delivery = a_delivery(an_event("sign_up:Zoë|\N{SNOWMAN}\ud800"), "webhook:crm")
    again = a_delivery(an_event("sign_up:Zoë|\N{SNOWMAN}\ud800"), "webhook:crm", generation=1)
    ids = {Errand(one, bool).id for one in (delivery, delivery, again)}
    assert 2 == len(ids)
    assert all(name.isascii() and name.startswith("msg_") and len(name) == 36 for name in ids)
