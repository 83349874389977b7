"""A body that is over a dialect's limit is somebody's to look at, as one of ours is."""

import base64
from typing import Any

import pytest

from telemetry.store.warnings import Warnings
from tests.ingest.dialects.conftest import SECRET, Benches

LESS = "[ingest]\nmax_event_bytes = 1000\nmax_body_bytes = 1000\nmax_events = 5"
BASIC = f"Basic {base64.b64encode(f'{SECRET}:'.encode()).decode()}"
BATCHED = "application/cloudevents-batch+json"
LARGE = b"x" * 1001


@pytest.mark.parametrize(
    ("path", "body", "kind", "headers", "source", "said"),
    [
        ("/v1/batch", LARGE, "application/json", {"Authorization": BASIC}, "shop", "segment: body: at most 1000 bytes"),
        ("/import", [{}] * 6, "application/json", {"Authorization": BASIC}, "shop", "mixpanel: body: at most 5 events"),
        ("/cloudevents", LARGE, BATCHED, {"Authorization": f"Bearer {SECRET}"}, "shop", "cloudevents: body: at most"),
        # Whose it is stands in the part that is not read.
        ("/batch/", LARGE, "application/json", {}, "(unknown)", "posthog: body: at most 1000 bytes"),
        ("/batch/", {"api_key": SECRET, "batch": [{}] * 6}, "application/json", {}, "(unknown)", "at most 5 events"),
    ],
)
async def test_it_is_counted_and_names_the_dialect_and_the_source_where_that_is_known(
    benches: Benches, path: str, body: Any, kind: str, headers: dict[str, str], source: str, said: str
) -> None:
    async with benches(LESS) as bench:
        assert 413 == (await bench.post(path, body, kind, **headers))[0]
    (found,) = await Warnings(bench.connection).all()
    assert ("oversize|other", 1, source) == (found.id, found.count, found.source)
    assert said in found.sample
