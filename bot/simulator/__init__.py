"""A local Discord for demonstrations and tests: enough of API v10, REST and gateway, to post to."""

from bot.simulator.settings import SimulatorSettings
from bot.simulator.simulator import Simulator

__all__ = ["Simulator", "SimulatorSettings"]
