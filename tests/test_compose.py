"""Compose cannot run here; each of its services' commands can."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from bot.simulator.simulator import Simulator
from tests.until import until

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = ("ingest", "watch", "bot", "courier")
SECRETS = {"TELLONCE_INGEST_KEYS": "web:s3cret", "DISCORD_TOKEN": "simulated-token"}


def environment(service: str, uri: str, database: str, discord: Simulator) -> dict[str, str]:
    """Give a service its own environment, with this machine's addresses in place of the network's."""
    given = {
        name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: SECRETS[match[1]], str(value))
        for name, value in COMPOSE["services"][service]["environment"].items()
    }
    assert given["TELLONCE_MONGODB_URI"] == "mongodb://mongo:27017/?replicaSet=rs0"
    here = {
        "TELLONCE_MONGODB_URI": uri,
        "TELLONCE_DATABASE": database,
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY": discord.gateway_url,
        **{name: "0" for name in given if name.endswith("_PORT")},
        **{name: "127.0.0.1" for name in given if name.endswith("_HOST")},
    }
    return {"PATH": os.environ["PATH"], "TELLONCE_LOG_FORMAT": "json"} | given | here


@asynccontextmanager
async def running(service: str, env: dict[str, str], folder: Path) -> AsyncIterator[str]:
    """Run a service's command as the image's entry point would, and give its address once it is ready."""
    command = [str(Path(sys.executable).parent / "tellonce"), *COMPOSE["services"][service]["command"]]
    log = folder / f"{service}.log"
    (folder / "tellonce.toml").write_text((ROOT / "tellonce.toml").read_text())
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=output, stderr=output)  # noqa: ASYNC220, S603

    async def address() -> str:
        assert process.poll() is None, log.read_text()
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        return found[0] if found else ""

    try:
        url = await until(address)
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                async with session.get(f"{url}/readyz") as answer:
                    return answer.status == 200

            await until(ready)
        yield url
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("service", OURS)
async def test_each_services_command_becomes_ready_and_stops(
    service: str, mongodb_uri: str, database: str, tmp_path: Path
) -> None:
    async with Simulator() as discord:
        env = environment(service, mongodb_uri, database, discord)
        async with running(service, env, tmp_path) as url:
            if service == "ingest":
                await only_takes_the_key(url)


async def only_takes_the_key(url: str) -> None:
    """Its ingest has a key."""
    event = {"event": "sign_up", "distinct_id": "u1"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/ingest", json=event) as answer:
            assert answer.status == 401
        async with session.post(f"{url}/ingest", json=event, headers={"Authorization": "Bearer s3cret"}) as answer:
            assert answer.status == 202


def test_the_database_is_a_replica_set_that_initiates_itself_before_anything_else_starts() -> None:
    mongo = COMPOSE["services"]["mongo"]
    assert "--replSet" in mongo["command"]
    assert "rs.initiate" in mongo["healthcheck"]["test"][-1]
    for service in OURS:
        assert COMPOSE["services"][service]["depends_on"]["mongo"]["condition"] == "service_healthy"


def test_the_image_runs_as_nobody_in_particular_and_installs_what_is_locked() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root)", dockerfile, re.MULTILINE)
    assert "--require-hashes -r requirements-runtime.lock" in dockerfile
    for folder in ("telemetry", "consumers", "bot"):
        assert f"COPY {folder} {folder}" in dockerfile
