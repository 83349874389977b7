import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import parse_config
from telemetry.runtime.settings import Settings
from telemetry.watcher.consumers import GROUP, load_consumers
from tests.facts import Recorder


def connect(_config: object) -> Recorder:
    """Make a consumer, as an entry point does."""
    return Recorder()


def again(_config: object) -> Recorder:
    """Make one of the same name."""
    return Recorder()


def nameless(_config: object) -> Recorder:
    """Make a consumer that the database could not hold."""
    return Recorder(name="has.a.dot")


def point(name: str, maker: str = "connect") -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{maker}", GROUP)


def test_a_third_partys_consumer_comes_by_its_entry_point() -> None:
    (consumer,) = load_consumers(parse_config(""), Settings(), [point("recorder")])
    assert "recorder" == consumer.name


def test_a_package_that_is_found_twice_while_it_is_upgraded_is_one() -> None:
    twice = [point("recorder"), point("recorder")]
    assert ["recorder"] == [consumer.name for consumer in load_consumers(parse_config(""), Settings(), twice)]


def test_one_name_registered_twice_is_refused_at_start() -> None:
    """
    Two workers of one name would share a queue and an ack.
    """
    with pytest.raises(ConfigurationError, match="'recorder' is registered twice"):
        load_consumers(parse_config(""), Settings(), [point("recorder"), point("recorder", "again")])


def test_a_name_that_cannot_be_a_field_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must not be empty nor hold"):
        load_consumers(parse_config(""), Settings(), [point("has.a.dot", "nameless")])


@pytest.mark.parametrize("name", ["telemetry.watcher.service", "bot.main", "telemetry.ingest.service"])
def test_importing_a_daemon_twice_starts_nothing(name: str) -> None:
    """
    Work starts where it is told to, so there is one worker however often its module is read.
    """
    twice = "import importlib, sys, threading; [importlib.import_module(sys.argv[1]) and sys.modules.pop(sys.argv[1])"
    twice += " for _ in range(2)]; print(*threading.enumerate(), sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", twice, name], capture_output=True, text=True, check=True)  # noqa: S603
    assert 1 == len(ran.stdout.splitlines()), ran.stdout
