"""What `up` puts on: which processes, told what, listening where."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.cli.child import python
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings

DAEMONS = ("ingest", "watch", "bot")
LOOPBACK = "127.0.0.1"
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - recognised, not listened on
SIMULATOR_PORT = 8083
SIMULATED_TOKEN = "simulated-token"  # noqa: S105 - it opens nothing but the simulator
MESSAGES = "discord-messages.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens; no simulator where the real Discord is posted to."""

    ingest: str
    watch: str
    bot: str
    simulator: str | None

    def of(self, daemon: str) -> str:
        """Give a daemon's address."""
        return str(getattr(self, daemon))


def choose_addresses(settings: Settings, simulator_port: int | None) -> Addresses:
    """Find out where everything will listen; raise ConfigurationError naming the setting of a taken port."""
    simulated = settings.discord_token is None
    return Addresses(
        ingest=_address(settings.ingest_host, settings.ingest_port, "TELLONCE_INGEST_PORT"),
        watch=_address(settings.health_host, settings.watch_port, "TELLONCE_WATCH_PORT"),
        bot=_address(settings.health_host, settings.bot_port, "TELLONCE_BOT_PORT"),
        simulator=_simulator_address(simulator_port) if simulated else None,
    )


def _simulator_address(port: int | None) -> str:
    if port is not None:
        return _address(LOOPBACK, port, "--simulator-port")
    try:
        return _address(LOOPBACK, SIMULATOR_PORT, "--simulator-port")
    except ConfigurationError:
        return _address(LOOPBACK, 0, "--simulator-port")


def _address(host: str, port: int, setting: str) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            port = listener.getsockname()[1]
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot listen on {host}:{port}: {error.strerror}; set another") from error
    reached = LOOPBACK if host in ANYWHERE else host
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def daemon_environment(settings: Settings, addresses: Addresses, mongodb_uri: str) -> dict[str, str]:
    """Say what the daemons are told beside what `up` itself was told."""
    told = {f"TELLONCE_{name.upper()}_PORT": addresses.of(name).rpartition(":")[2] for name in DAEMONS}
    told |= {"TELLONCE_MONGODB_URI": mongodb_uri, "TELLONCE_LOG_FORMAT": settings.log_format}
    if addresses.simulator is not None:
        told["DISCORD_TOKEN"] = SIMULATED_TOKEN
        told["DISCORD_API_BASE"] = f"{addresses.simulator}/api/v10"
        told["DISCORD_GATEWAY"] = f"{addresses.simulator.replace('http', 'ws', 1)}/gateway"
    return told


def simulator_command(address: str, config: Config, directory: Path) -> list[str]:
    """Spell the command that runs the simulated Discord, with the file's channels."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    command = python("bot.simulator", "--host", host, "--port", port, "--token", SIMULATED_TOKEN)
    for name, channel in _channels(config.section("discord")).items():
        command += ["--channel", f"{channel}={name}"]
    return [*command, "--state", str(directory / MESSAGES)]


def _channels(section: Mapping[str, Any]) -> Mapping[str, Any]:
    channels: Mapping[str, Any] = section.get("channels", {})
    return channels
