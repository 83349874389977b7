"""The simulated Discord as a process: `python -m bot.simulator --port 8500`."""

import argparse
import asyncio
import signal
from pathlib import Path

from bot.simulator.settings import SimulatorSettings
from bot.simulator.simulator import Simulator


def main(arguments: list[str] | None = None) -> None:
    """Listen until SIGTERM or SIGINT."""
    asyncio.run(serve(read(arguments)))


def read(arguments: list[str] | None) -> SimulatorSettings:
    """Read the command line."""
    default = SimulatorSettings()
    parser = argparse.ArgumentParser(prog="python -m bot.simulator", description=__doc__)
    parser.add_argument("--host", default=default.host)
    parser.add_argument("--port", type=int, default=default.port, help="0 (the default) takes any free one")
    parser.add_argument("--token", default=default.token, help="the bot token that opens the door")
    parser.add_argument("--channel", action="append", type=named, metavar="ID=NAME", help="may be repeated")
    parser.add_argument("--user", action="append", type=named, metavar="ID=NAME", help="may be repeated")
    parser.add_argument("--no-strangers", action="store_true", help="know no users but those of --user")
    parser.add_argument("--no-limits", action="store_true", help="never answer 429 on our own")
    parser.add_argument("--nonce-window", type=float, default=default.nonce_window, metavar="SECONDS")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep messages there across restarts")
    given = parser.parse_args(arguments)
    return SimulatorSettings(
        token=given.token,
        channels=dict(given.channel) if given.channel else default.channels,
        users=dict(given.user or ()),
        strangers=not given.no_strangers,
        host=given.host,
        port=given.port,
        limits=not given.no_limits,
        nonce_window=given.nonce_window,
        state=given.state,
    )


def named(text: str) -> tuple[int, str]:
    """Read ID=NAME."""
    number, separator, name = text.partition("=")
    if not (number.isdecimal() and separator and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=NAME")
    return int(number), name


async def serve(settings: SimulatorSettings) -> None:
    """Listen, say where, and stop on a signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(settings) as simulator:
        print(f"simulator listening on {simulator.url}", flush=True)  # noqa: T201 - it is what the caller waits for
        await stop.wait()


if __name__ == "__main__":
    main()
