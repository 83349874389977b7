"""The alert rules, the dashboard and the page on monitoring name what there is."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from bot.metrics import BotMetrics
from consumers.discord.consumer import connect
from telemetry.core.alert import Finding, Terms, Told, Trouble, alert
from telemetry.ingest.metrics import IngestMetrics
from telemetry.runtime.alerts import read_alerts
from telemetry.runtime.config import parse_config
from telemetry.store.client import Connection
from telemetry.store.registry import Registry
from telemetry.watcher.metrics import WatchMetrics
from tests.facts import planned
from tests.metrics import every_metric

DOCS = Path(__file__).parents[1] / "docs"
RULES = yaml.safe_load((DOCS / "monitoring" / "alerts.yml").read_text())["groups"][0]["rules"]
TESTED = yaml.safe_load((DOCS / "monitoring" / "alerts_test.yml").read_text())["tests"]
PANELS = json.loads((DOCS / "monitoring" / "dashboard.json").read_text())["panels"]
PAGES = [DOCS / "monitoring.md", DOCS / "runbook.md"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
ENDINGS = ("_total", "_bucket", "_sum", "_count")
# Of a histogram, and of Prometheus itself.
THEIRS = {"le", "instance"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def metrics(connection: Connection) -> Mapping[str, frozenset[str]]:
    """Every metric, of a deployment with a consumer."""
    await Registry(connection).register("discord")
    return await every_metric(connection)


def named(text: str) -> set[str]:
    """Find the metrics that a text names."""
    return set(re.findall(r"\btellonce_\w+", text))


async def test_every_metric_that_is_named_exists(metrics: Mapping[str, frozenset[str]]) -> None:
    assert set() == named(" ".join(EXPRESSIONS)) - set(metrics)
    # A histogram's own name is what a person says.
    spoken = {name.removesuffix(ending) for name in metrics for ending in ENDINGS} | set(metrics)
    for page in PAGES:
        assert set() == named(page.read_text()) - spoken, page.name
    assert named(PAGES[0].read_text()) >= {"tellonce_suppressed_total"}


async def test_every_label_that_an_expression_uses_is_one_of_its_metrics(
    metrics: Mapping[str, frozenset[str]],
) -> None:
    for expression in EXPRESSIONS:
        known = THEIRS.union(*(metrics[name] for name in named(expression)))
        grouped = {word for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for word in inside.split(", ")}
        chosen = set(re.findall(r"[{,](\w+)(?:=|!=|=~)\"", expression))
        assert grouped | chosen <= known, expression


async def test_metrics_are_named_as_prometheus_has_it(metrics: Mapping[str, frozenset[str]]) -> None:
    for name in metrics:
        assert re.fullmatch(r"tellonce_[a-z]+(_[a-z]+)*", name)
        assert not re.search(r"_(ms|millis|minutes|hours|kb|mb)(_|$)", name), name


def test_the_page_says_every_cause_that_is_counted() -> None:
    page, registries = PAGES[0].read_text(), [CollectorRegistry() for _ in range(3)]
    for make, registry in zip((IngestMetrics, WatchMetrics, BotMetrics), registries, strict=True):
        make(registry)
    samples = [sample for registry in registries for family in registry.collect() for sample in family.samples]
    counted = {sample.labels["cause"] for sample in samples if sample.name == "tellonce_suppressed_total"}
    assert counted == {"resubmitted", "offered_again", "nonce", "echo", "receipt", "sibling", "history"}
    assert {cause for cause in counted if f"`{cause}`" in page} == counted


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
@pytest.mark.parametrize("words", ["check rules alerts.yml", "test rules alerts_test.yml"])
def test_promtool_finds_nothing_wrong_with_the_alerts(words: str) -> None:
    done = subprocess.run(  # noqa: S603 - the checker of whoever runs Prometheus
        ["promtool", *words.split()],  # noqa: S607 - where it is, the machine says
        cwd=DOCS / "monitoring",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do_and_the_urgent_ones_are_tested() -> None:
    assert all({"summary", "action"} == set(rule["annotations"]) for rule in RULES)
    raised = {case["alertname"] for test in TESTED for case in test["alert_rule_test"] if case["exp_alerts"]}
    paging = {rule["alert"] for rule in RULES if rule["labels"]["severity"] == "page"}
    assert paging <= raised


def test_what_the_page_says_of_alerts_is_a_file_that_is_taken() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    config = parse_config(block)
    assert read_alerts(config) == Terms(timedelta(minutes=15), timedelta(hours=24))
    consumer = connect(config)
    assert [] == consumer.warnings()
    (delivery,) = planned(consumer, alert(Finding(Trouble.DEAD, "discord", 3), Told(), 1, NOW, "x"))
    assert delivery.destination == "discord:223344556677889900"


def test_no_panel_of_the_dashboard_lies_on_another() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations(PANELS, 2):
        assert not set(_cells(one["gridPos"])) & set(_cells(other["gridPos"])), (one["title"], other["title"])


def _cells(place: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        assert x < 24
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y
