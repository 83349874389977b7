"""One fact, reported by a client and once more by the version of it that came after."""

from typing import Any

import pytest

from tests.ingest.dialects.conftest import SECRET, Benches


def mixpanel(version: str, plan: str) -> tuple[str, Any]:
    added = {"token": SECRET, "mp_lib": "python", "$lib_version": version, "$insert_id": version, "time": 1_700_000_000}
    return "/track", [{"event": "sign_up", "properties": {"distinct_id": "u1", "plan": plan, **added}}]


def segment(version: str, plan: str) -> tuple[str, Any]:
    context = {"library": {"name": "analytics-python", "version": version}, "ip": "127.0.0.1"}
    call = {"type": "track", "event": "sign_up", "userId": "u1", "messageId": version, "properties": {"plan": plan}}
    return "/v1/batch", {"writeKey": SECRET, "sentAt": version, "batch": [call | {"context": context}]}


def posthog(version: str, plan: str) -> tuple[str, Any]:
    added = {"$lib": "posthog-python", "$lib_version": version, "$python_version": version, "$os_version": version}
    event = {"event": "sign_up", "distinct_id": "u1", "uuid": version, "properties": {"plan": plan, **added}}
    return "/batch/", {"api_key": SECRET, "sent_at": version, "batch": [event]}


@pytest.mark.parametrize("client", [mixpanel, segment, posthog])
async def test_it_is_a_duplicate_for_what_the_client_says_of_itself_is_no_part_of_it(
    benches: Benches, client: Any
) -> None:
    async with benches() as bench:
        for version, plan in (("1.0", "pro"), ("2.0", "pro"), ("2.0", "free")):
            assert 200 == (await bench.post(*client(version, plan)))[0]
        _, metrics = await bench.producer.get("/metrics")
        (event,) = await bench.stored()
    assert "1.0" in str(event.properties)
    for status in ("accepted", "duplicate", "conflict"):
        assert f'tellonce_ingest_events_total{{status="{status}",type="sign_up"}} 1.0' in metrics
