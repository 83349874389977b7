"""While the database is away, each dialect says so in its own words."""

from typing import Any

import pytest

from tests.ingest.dialects.conftest import SECRET, Benches

EVENT = {"event": "sign_up", "distinct_id": "u1"}
TYPE = "application/cloudevents+json"
CLOUD = {"specversion": "1.0", "id": "1", "source": "/", "type": "sign_up"}
ASKED: list[tuple[str, Any, str, str]] = [
    ("/track", [{"event": "sign_up", "properties": {"token": SECRET}}], "application/json", "error"),
    ("/v1/batch", {"writeKey": SECRET, "batch": [EVENT]}, "application/json", "message"),
    ("/batch/", {"api_key": SECRET, "batch": [EVENT]}, "application/json", "detail"),
    ("/cloudevents", CLOUD, TYPE, "error"),
]


@pytest.mark.parametrize(("path", "body", "kind", "field"), ASKED)
async def test_a_client_is_told_to_send_the_same_again_and_when(
    benches: Benches, path: str, body: Any, kind: str, field: str
) -> None:
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    async with benches(ready=False, mongodb_uri=nowhere, ingest_keys="") as bench:
        status, answer = await bench.post(path, body, kind)
        assert (503, True) == (status, "send the same again" in answer[field])
        async with bench.producer.session.post(bench.url + path, json=body, headers={"Content-Type": kind}) as got:
            assert "1" == got.headers["Retry-After"]
