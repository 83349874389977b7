"""A kit for those who write a consumer or a carrier: contracts to inherit, as plain classes that pytest runs."""

from telemetry.testing.carrier import CarrierContract
from telemetry.testing.consumer import ConsumerContract
from telemetry.testing.facts import a_delivery, an_event, odd_events

__all__ = ["CarrierContract", "ConsumerContract", "a_delivery", "an_event", "odd_events"]
