"""Which types a list of types takes in."""

from telemetry.core.subscription import covers


def test_every_type_is_every_fact_and_none_of_our_own() -> None:
    assert covers(["*"], "sign_up")
    assert not covers(["*"], "tellonce.alert")
    assert covers(["*", "tellonce.alert"], "tellonce.alert")
    assert not covers(["sign_up"], "badge_awarded")
