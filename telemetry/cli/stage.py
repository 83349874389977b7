"""What `up` puts on: which processes, told what, listening where."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.cli.child import python
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings, is_loopback

THIS_MACHINE = "127.0.0.0/8,::1/128"
LOOPBACK = "127.0.0.1"
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - recognised, not listened on
SIMULATOR_PORT = 8083
SIMULATED_TOKEN = "simulated-token"  # noqa: S105 - it opens nothing but the simulator
MESSAGES = "discord-messages.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens; no simulator where the real Discord is posted to."""

    daemons: Mapping[str, str]  # by the words that start them
    simulator: str | None

    @property
    def ingest(self) -> str:
        """Where events are taken."""
        return self.daemons["ingest"]


def choose_addresses(settings: Settings, simulator_port: int | None, couriers: Sequence[str]) -> Addresses:
    """Find out where everything will listen; raise ConfigurationError naming the setting of a taken port."""
    host, simulated = settings.health_host, settings.discord_token is None
    daemons = {
        "ingest": _address(settings.ingest_host, settings.ingest_port, "TELLONCE_INGEST_PORT"),
        "watch": _address(host, settings.watch_port, "TELLONCE_WATCH_PORT"),
        "bot": _address(host, settings.bot_port, "TELLONCE_BOT_PORT"),
    }
    for name in couriers:
        # One has the port that is set, the others any that is free.
        port = 0 if name != couriers[0] else settings.courier_port
        daemons[f"courier {name}"] = _address(host, port, "TELLONCE_COURIER_PORT")
    return Addresses(daemons, _simulator_address(simulator_port) if simulated else None)


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


def daemon_environment(settings: Settings, addresses: Addresses, daemon: str, mongodb_uri: str) -> dict[str, str]:
    """Say what a daemon is told beside what `up` itself was told."""
    port = addresses.daemons[daemon].rpartition(":")[2]
    told = {f"TELLONCE_{daemon.partition(' ')[0].upper()}_PORT": port}
    told |= {"TELLONCE_MONGODB_URI": mongodb_uri, "TELLONCE_LOG_FORMAT": settings.log_format}
    if allowed := may_tell(settings):
        told["TELLONCE_WEBHOOK_ALLOW"] = allowed
    if addresses.simulator is not None:
        told["DISCORD_TOKEN"] = SIMULATED_TOKEN
        told["DISCORD_API_BASE"] = f"{addresses.simulator}/api/v10"
        told["DISCORD_GATEWAY"] = f"{addresses.simulator.replace('http', 'ws', 1)}/gateway"
    return told


def may_tell(settings: Settings) -> str:
    """Say which private networks webhooks may reach: where it is only tried out, this machine."""
    if settings.webhook_allow or settings.mongodb_uri is not None or not is_loopback(settings.ingest_host):
        return ",".join(map(str, settings.webhook_allow))
    return THIS_MACHINE


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
