"""The table `[canary]` of the file: where canaries are told, and which types need one.

[canary]
to = "canaries"            # a name under [discord.channels], or "discord:<channel id>", or "webhook:<endpoint>"
quiet = "24h"              # a type that had no fact for so long
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from telemetry.core.audience import SNOWFLAKE
from telemetry.core.canary import REMEMBERED
from telemetry.core.channel import CHANNEL, destination_of
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import CANARY, Config, Table, expected_one_of, installed_consumers, quoted, validated
from telemetry.runtime.span import read_span


class CanaryTable(Table):
    """`[canary]`."""

    to: str | None = None
    quiet: Annotated[timedelta, BeforeValidator(read_span)] = REMEMBERED


def read_canary(config: Config) -> CanaryTable:
    """Read how canaries are sent; raise ConfigurationError naming the entry that is wrong."""
    return validated(CanaryTable, config.section(CANARY), config.source, CANARY)


def read_destination(config: Config, asked: str | None) -> str:
    """Give the destination at which canaries are told; raise ConfigurationError where none is named, or no such one."""
    spelt = asked or read_canary(config).to
    where = "--to" if asked else f"{config.source}: {CANARY}.to"
    if spelt is None:
        raise ConfigurationError(f"{where}: required, but missing: name a channel or an endpoint that is for tests")
    kind, colon, name = spelt.partition(":")
    channels: Mapping[str, str] = config.section("discord").get("channels", {})
    if not colon:
        if spelt not in channels:
            raise ConfigurationError(f"{where}: unknown channel {quoted(spelt)}; {expected_one_of(spelt, channels)}")
        return destination_of(channels[spelt])
    if kind not in installed_consumers() or not name or "|" in name:
        known = ", ".join(f"{one}:…" for one in sorted(installed_consumers()))
        raise ConfigurationError(f"{where}: expected the name of a channel, or one of {known}, not {quoted(spelt)}")
    # Spelt in another way it might be a real channel, and look like none that the file names.
    if kind == CHANNEL and not SNOWFLAKE.fullmatch(name):
        raise ConfigurationError(
            f"{where}: expected {CHANNEL}: and a channel id, which is 15 to 20 digits, not {quoted(spelt)}"
        )
    return spelt
