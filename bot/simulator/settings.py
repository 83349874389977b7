"""What a simulated Discord is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

COMMUNITY = 112233445566778899


def _one_channel() -> dict[int, str]:
    return {COMMUNITY: "community"}


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Everything that may differ between two simulators."""

    token: str = "simulated-token"  # noqa: S105 - it opens nothing but the simulator
    channels: Mapping[int, str] = field(default_factory=_one_channel)
    users: Mapping[int, str] = field(default_factory=dict)
    strangers: bool = True  # whoever has a well-formed id is a user
    host: str = "127.0.0.1"
    port: int = 0  # any free one
    limits: bool = True
    nonce_window: float = 180.0  # Discord says "the past few minutes"
    state: Path | None = None  # messages are kept there across restarts
    guild: str = "tellonce"
    keep: int = 10_000  # messages remembered per channel
