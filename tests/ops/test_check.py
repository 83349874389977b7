"""Looking whether a deployment is set up right."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from telemetry.core.key import KeyPolicy
from telemetry.ops.check import CONFIGURATION, DATABASE, PERMISSION, TOKEN, Finding, check, exit_code
from telemetry.runtime.config import Config, parse_config
from telemetry.runtime.settings import Settings
from telemetry.store.client import Connection
from telemetry.store.indexes import declared, reconcile
from telemetry.store.keys import Keys
from telemetry.store.sources import Sources
from tests.facts import Recorder
from tests.ops.test_audiences import set_audience

NOWHERE = "mongodb://127.0.0.1:1/"
CONFIG = parse_config("", consumers=())


def told(**environ: str) -> Settings:
    return Settings.read({f"TELLONCE_{name}": value for name, value in environ.items()})


async def looked(settings: Settings, *points: EntryPoint, consumers: Any = ()) -> list[Finding]:
    return await check(settings, CONFIG, consumers, points)


class Naming(Recorder):
    """A consumer whose entries of the file name audiences."""

    def __init__(self, entries: dict[str, list[str]]) -> None:
        super().__init__()
        self._entries = entries

    def audiences(self) -> dict[str, list[str]]:
        return self._entries


async def bad_permission(settings: Settings, config: Config) -> list[Finding]:
    """Stand in for what a bot's package would find."""
    return [Finding("error", "no Embed Links in #community", "grant it", PERMISSION)]


async def test_all_is_well(connection: Connection, mongodb_uri: str, database: str) -> None:
    await reconcile(connection, declared(["recorder"]))

    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database, INGEST_KEYS="a:b"), consumers=[Recorder()])

    assert [finding.level for finding in findings] == ["ok"] * 5
    assert exit_code(findings) == 0


async def test_a_test_destination_that_there_is_not_is_named() -> None:
    (*_, finding) = [
        finding
        for finding in await check(told(), parse_config('[canary]\nto = "tests"', consumers=()), (), ())
        if "canary" in finding.what
    ]
    assert ("error", CONFIGURATION) == (finding.level, finding.exit_code)
    assert 'canary.to: unknown channel "tests"' in finding.what


async def test_a_database_that_does_not_answer_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.ops.check.PATIENCE", 0.2)

    findings = await looked(told(MONGODB_URI=NOWHERE))

    assert exit_code(findings) == DATABASE


async def test_no_address_of_a_database_ends_with_2() -> None:
    assert exit_code(await looked(told())) == 2


async def test_missing_indexes_are_a_warning(mongodb_uri: str, database: str) -> None:
    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database), consumers=[Recorder()])

    assert [finding.what for finding in findings if finding.next_step.startswith("the next start")] == [
        "index events.owed: missing",
        "index runs.open: missing",
        "index runs.offering: missing",
        "index recorder_queue.work: missing",
        "index recorder_queue.line: missing",
    ]
    assert exit_code(findings) == 0


async def test_a_key_that_is_not_the_one_in_force_ends_with_2(
    connection: Connection, mongodb_uri: str, database: str
) -> None:
    await Keys(connection).register("sign_up", KeyPolicy(("properties.name",)))

    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database))

    assert exit_code(findings) == 2
    assert "tellonce keys apply sign_up" in next(one.next_step for one in findings if one.level == "error")


async def test_an_audience_that_a_route_names_and_nobody_has_set_ends_with_2(
    connection: Connection, mongodb_uri: str, database: str
) -> None:
    await set_audience(connection, "staff", ["discord:112233445566778899"])
    consumer = Naming({"discord.routes#1": ["all"], "discord.routes#2": ["staff", "all"]})

    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database), consumers=[consumer])

    assert exit_code(findings) == 2
    (said,) = [one.what for one in findings if one.level == "error"]
    expected = "there is no audience 'all'; `tellonce audience set all FILE` makes it"
    assert said == f"discord.routes#1, discord.routes#2: {expected}"


async def test_other_packages_may_look_too(mongodb_uri: str, database: str) -> None:
    point = EntryPoint("bot", f"{__name__}:bad_permission", "tellonce.checks")

    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database), point)

    assert exit_code(findings) == PERMISSION


async def test_a_check_that_cannot_be_loaded_is_itself_a_finding(mongodb_uri: str, database: str) -> None:
    point = EntryPoint("bot", "no_such_module:check", "tellonce.checks")

    findings = await looked(told(MONGODB_URI=mongodb_uri, DATABASE=database), point)

    assert exit_code(findings) == 2


def test_the_most_basic_error_decides_the_exit_code() -> None:
    errors = [Finding("error", "", exit_code=code) for code in (PERMISSION, DATABASE, TOKEN)]

    assert exit_code(errors) == DATABASE


async def test_sources_are_counted_wherever_they_are_kept_and_a_name_in_both_ends_with_2(
    connection: Connection, mongodb_uri: str, database: str
) -> None:
    settings = told(MONGODB_URI=mongodb_uri, DATABASE=database, INGEST_KEYS="web:s3cret")
    await Sources(connection).add("app", "digest", None)

    assert "ingest knows 2 sources" in [finding.what for finding in await looked(settings)]

    await Sources(connection).add("web", "digest", None)
    findings = await looked(settings)

    assert exit_code(findings) == 2
    assert "web: a source of that name was added too" in [finding.what for finding in findings]


async def test_an_ingest_that_others_reach_without_any_source_ends_with_2(
    connection: Connection, mongodb_uri: str, database: str
) -> None:
    settings = told(MONGODB_URI=mongodb_uri, DATABASE=database, INGEST_HOST="192.0.2.1")

    assert exit_code(await looked(settings)) == 2

    await Sources(connection).add("app", "digest", None)

    assert exit_code(await looked(settings)) == 0

    await Sources(connection).revoke("app")

    assert "every source is revoked: ingest takes nothing" in [one.what for one in await looked(settings)]
