"""What the API says of itself is true."""

import json
import os
import re
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import anyio
import pytest

from telemetry.ops.sources import add
from telemetry.store.client import Connection
from tests.ingest.conftest import Producer, Serving

HERE = Path(__file__).parent
# So that each submission that the description allows is taken: with other settings a type may need an `insert_id`.
LIMITS = '[ingest]\nunknown_types = "body"\nmax_events = 5'


@pytest.mark.parametrize("examples", [2, pytest.param(30, marks=pytest.mark.slow)])
async def test_whatever_is_made_up_from_the_description_is_answered_as_it_says(
    serving: Serving, connection: Connection, tmp_path: Path, examples: int
) -> None:
    async with serving(LIMITS, ingest_keys="web:s3cret") as producer:
        words = (
            f"run {producer.url}/openapi.json --checks all --continue-on-failure --no-color --generation-deterministic"
        )
        ran = await anyio.run_process(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
                *(*words.split(), "--max-examples", str(examples), "-H", "Authorization: Bearer s3cret"),
            ],
            check=False,
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.ingest.submissions", "PYTHONPATH": str(HERE.parents[1])},
            stdout=PIPE,
            stderr=STDOUT,
        )
        said = ran.stdout.decode()
        _, metrics = await producer.get("/metrics")
    assert 0 == ran.returncode, said
    tried = re.search(r"(\d+) generated, (\d+) passed", said)
    assert tried, said
    assert tried[1] == tried[2]
    # It has tried what is right, what is wrong, what is too much, and doors without a key.
    for status in (202, 401, 413, 415, 422):
        assert f'tellonce_ingest_requests_total{{status="{status}"}}' in metrics, said


async def security(producer: Producer) -> Any:
    _, text = await producer.get("/openapi.json")
    return json.loads(text)["paths"]["/ingest"]["post"]["security"]


async def test_it_says_whether_a_key_is_asked_for_at_that_moment(serving: Serving, connection: Connection) -> None:
    async with serving() as producer:
        assert [{"key": []}, {}] == await security(producer)
        await add(connection, "web", None, ())
        assert 401 == (await producer.send({}, Authorization="Bearer wrong"))[0]
        assert [{"key": []}] == await security(producer)


async def test_it_names_every_refusal_and_what_comes_with_it(producer: Producer) -> None:
    _, text = await producer.get("/openapi.json")
    responses = json.loads(text)["paths"]["/ingest"]["post"]["responses"]
    assert {"202", "400", "401", "408", "413", "415", "422", "429", "500", "503"} == set(responses)
    for status, name in (("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")):
        assert name in responses[status]["headers"]


async def test_one_number_in_two_spellings_is_one(producer: Producer) -> None:
    first = b'{"event": "sign_up", "distinct_id": 42, "revision": 1, "deliver_at": "2030-01-01"}'
    _, answer = await producer.send(first)
    assert ("sign_up:42", "accepted") == (answer["results"][0]["id"], answer["results"][0]["status"])
    _, answer = await producer.send(first.replace(b"42", b"42.0").replace(b"1,", b"1.0,"))
    assert ("sign_up:42", "duplicate") == (answer["results"][0]["id"], answer["results"][0]["status"])
    for beyond in (b"1e300", b"42.5", b"9223372036854775808.0"):
        assert 422 == (await producer.send(first.replace(b"42", beyond)))[0]
