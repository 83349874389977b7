"""Where steps go, and how a fact's trace is named."""

import os
import subprocess
import sys

import pytest

from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.core.outcome import Delivered, Retry
from telemetry.core.step import Step, sampled, trace_of
from telemetry.runtime.tracing import Tracing, trace_try
from telemetry.testing.facts import ONCE
from tests.facts import a_delivery, an_event

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def test_without_a_collector_nothing_is_made_of_a_step() -> None:
    traced = Tracing()
    traced.configure("watch", {})
    assert not traced.on


def test_a_collector_without_the_package_is_a_mistake_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "telemetry.runtime.exporting", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match=r"install tellonce\[tracing\]"):
        Tracing().configure("watch", COLLECTOR)


@pytest.mark.parametrize("ratio", ["most", "-0.1", "1.5"])
def test_a_part_that_is_none_is_a_mistake(ratio: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a number from 0 to 1"):
        Tracing().configure("watch", COLLECTOR | {"OTEL_TRACES_SAMPLER_ARG": ratio})


def test_every_daemon_names_a_facts_trace_alike_and_another_receipt_is_another_trace() -> None:
    assert trace_of("sign_up:u1", "r1") == trace_of("sign_up:u1", "r1")
    assert trace_of("sign_up:u1", "r1") != trace_of("sign_up:u1", "r2")


def test_a_part_of_all_traces_is_kept_and_the_same_ones_by_all() -> None:
    traces = [trace_of(f"sign_up:u{n}", "r")[0] for n in range(2000)]
    kept = [trace for trace in traces if sampled(trace, 0.25)]
    assert 400 < len(kept) < 600
    assert not any(sampled(trace, 0) for trace in traces)
    assert all(sampled(trace, 1) for trace in traces)


def test_a_try_that_failed_says_what_it_came_to_and_nothing_of_what_was_answered(steps: list[Step]) -> None:
    delivery: Delivery = a_delivery(an_event())
    trace_try(delivery, "discord", Retry("it answered 503: ada@x.org is not known"), ONCE, ONCE)
    trace_try(delivery, "discord", Delivered(), ONCE, ONCE)
    assert [("retry", "retry"), ("delivered", "")] == [(step.attributes["outcome"], step.wrong) for step in steps]
    assert {("sign_up:u1", "r1")} == {(step.key, step.receipt) for step in steps}


LEAVING = """
from datetime import UTC, datetime
from telemetry.core.step import Step
from telemetry.runtime.exporting import exporter

now = datetime.now(UTC)
exporter("watch", 1.0)(Step("offer", "sign_up:u1", "r1", now, now))
"""


def test_a_collector_that_is_away_holds_nobody_up_who_stops() -> None:
    pytest.importorskip("opentelemetry")
    environ = os.environ | COLLECTOR | {"OTEL_EXPORTER_OTLP_TIMEOUT": "60"}
    # Alone it would try for half a minute.
    left = subprocess.run([sys.executable, "-c", LEAVING], env=environ, timeout=20, capture_output=True, check=False)  # noqa: S603
    assert 0 == left.returncode, left.stderr
