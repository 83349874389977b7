"""The stories of the examples: each started by its one command, and seen on the simulated Discord."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import anyio.to_thread
import pytest

from telemetry.cli.premises import DIRECTORY, running_here
from tests.cli.stage import ANY_PORTS
from tests.until import until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHANNEL = "112233445566778899"


class Story:
    """A copy of an example, started as its page says."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        shutil.copytree(ROOT / "examples" / name, self.folder)
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE_", "DISCORD_"))}
        self.env = {**plain, **ANY_PORTS, "PATH": f"{BIN}:{os.environ['PATH']}"}
        self._log = self.folder / "start.log"

    @contextmanager
    def told(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it in a terminal of its own; whatever comes of it, nothing is left behind."""
        with self._log.open("wb") as log:
            start = subprocess.Popen(
                ["./start", "--simulator-port", "0"],
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield start
        finally:
            if start.poll() is None:
                start.terminate()
                start.wait(40)

    def said(self) -> str:
        """Read all that was printed."""
        return self._log.read_text(errors="replace")

    async def until_said(self, words: str, seconds: float = 90) -> None:
        """Wait until something is printed."""

        async def is_said() -> bool:
            return words in self.said()

        await until(is_said, seconds)

    def ask(self, path: str) -> Any:
        """Ask the simulated Discord."""
        running = running_here(self.folder / DIRECTORY)
        assert running is not None, self.said()
        with urlopen(f"{running.simulator}/_sim/{path}", timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def shown(self, channel: str = CHANNEL) -> list[str]:
        """List what a channel shows: embed titles, or the first line of a plain text."""
        return [
            title
            for message in self.ask(f"messages?channel={channel}")
            for title in ([embed["title"] for embed in message["embeds"]] or [message["content"].splitlines()[0]])
        ]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command beside it."""
        return subprocess.run(  # noqa: S603
            [str(BIN / "tellonce"), *words], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )


@contextmanager
def a_story(name: str, folder: Path) -> Iterator[Story]:
    """Tell a story, and see that it stops as it should."""
    story = Story(name, folder)
    with story.told() as start:
        yield story
        os.killpg(start.pid, signal.SIGINT)
        assert 0 == start.wait(40), story.said()
    assert "Traceback" not in story.said()
    assert "then ended" not in story.said()


@pytest.mark.slow
async def test_thirty_clicks_close_a_campaign_once_and_each_winner_is_told_once(tmp_path: Path) -> None:
    with a_story("campaign", tmp_path) as story:
        await story.until_said("the law holds")
        assert "1 accepted, 29 duplicate" in story.said()

        async def all_told() -> bool:
            """Three winners are shown."""
            return len(story.shown()) >= 3

        await until(all_told)
        assert [1, 1, 1] == list(Counter(story.shown()).values())


@pytest.mark.slow
async def test_a_reminder_is_told_to_every_group_in_its_last_spelling(tmp_path: Path) -> None:
    with a_story("reminders", tmp_path) as story:
        await story.until_said("the law holds")
        groups = [line.split()[0] for line in (story.folder / "groups.txt").read_text().splitlines()]
        assert 4 == len(groups)
        wanted = ["Picnic at one", "Can you come? Say so in the thread."]
        shown = {group: story.shown(group.partition(":")[2]) for group in groups}
        assert dict.fromkeys(groups, wanted) == shown
        assert "paused" in story.said()
        assert "standup" in story.said()


@pytest.mark.slow
async def test_everyone_is_invited_once_however_many_lists_they_are_in(tmp_path: Path) -> None:
    with a_story("invitations", tmp_path) as story:
        await story.until_said("the law holds")
        assert ["You are invited to the autumn workshop"] == story.shown()
        assert {"Ada": 1, "Grace": 1, "Barbara": 1, "Katherine": 1} == told_in_person(story)
        assert 0 == (await anyio.to_thread.run_sync(story.run, "audit", "invitation:autumn")).returncode


def told_in_person(story: Story) -> Mapping[str, int]:
    """Count each person's direct messages, by the names in the lists."""
    names = {
        words[0].partition(":")[2]: words[2].strip(",")
        for name in ("members.txt", "guests.txt")
        for line in (story.folder / name).read_text().splitlines()
        if (words := line.split())[0].startswith("discord-user:")
    }
    return {names[one["user"]]: one["posted"] for one in story.ask("directs")["directs"]}


@pytest.mark.parametrize("name", ["campaign", "reminders", "invitations"])
def test_each_example_says_how_it_is_started(name: str) -> None:
    page = (ROOT / "examples" / name / "README.md").read_text()
    assert "    ./start\n" in page
    assert os.access(ROOT / "examples" / name / "start", os.X_OK)
    assert os.access(ROOT / "examples" / name / "story", os.X_OK)
