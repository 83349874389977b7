"""Where canaries are told, as the file or the command line says it."""

import pytest

from telemetry.core.errors import ConfigurationError
from telemetry.runtime.canary import read_canary, read_destination
from telemetry.runtime.config import Config, parse_config

CHANNELS = '[discord.channels]\ntests = "112233445566778900"\n'


def config(to: str = "") -> Config:
    """Read a file that sends canaries somewhere."""
    return parse_config(CHANNELS + (f'[canary]\nto = "{to}"' if to else ""), "here.toml")


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        ("tests", "discord:112233445566778900"),
        ("discord:112233445566778901", "discord:112233445566778901"),
        ("webhook:probe", "webhook:probe"),
    ],
)
def test_a_channels_name_or_a_destination_is_meant(spelt: str, meant: str) -> None:
    assert meant == read_destination(config(spelt), None)
    assert meant == read_destination(config("elsewhere"), spelt)


@pytest.mark.parametrize(
    ("to", "asked", "said"),
    [
        ("", None, "here.toml: canary.to: required, but missing"),
        ("discord:0112233445566778899", None, "expected discord: and a channel id, which is 15 to 20 digits"),
        ("tests", "discord:112233445566778899/..", "--to: expected discord: and a channel id"),
        ("test", None, 'here.toml: canary.to: unknown channel "test"; expected tests; did you mean "tests"?'),
        ("tests", "test", '--to: unknown channel "test"'),
        ("handler:f", None, "expected the name of a channel, or one of discord:…, webhook:…, not"),
        ("webhook:", None, "expected the name of a channel"),
    ],
)
def test_a_mistake_is_named_in_one_line(to: str, asked: str | None, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_destination(config(to), asked)
    assert said in str(caught.value)


def test_how_long_is_quiet_is_a_span() -> None:
    with pytest.raises(ConfigurationError, match=r'canary\.quiet: expected from "1s"'):
        read_canary(parse_config('[canary]\nquiet = "long"', "here.toml"))
