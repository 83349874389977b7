"""Who is told of news: channels and people, in audiences that overlap."""

from bot.simulator.settings import COMMUNITY
from tests.crash.file import BADGES
from tests.crash.stage import Stage

ANN, BOB, CID = (f"discord-user:{number}" for number in (445566778899001121, 445566778899001122, 445566778899001123))
CHANNELS = (f"discord:{COMMUNITY}", f"discord:{BADGES}")
EVERYONE = (*CHANNELS, "audience:staff")
STAFF = (CHANNELS[1], ANN, BOB)
OTHER_STAFF = (CID,)
MEMBERS = frozenset({*CHANNELS, ANN, BOB})
OTHER_MEMBERS = frozenset({*CHANNELS, CID})


async def set_audience(stage: Stage, name: str, members: tuple[str, ...]) -> None:
    """Make an audience of some members."""
    listed = stage.folder / f"{name}.txt"
    listed.write_text("".join(f"{member}\n" for member in members))
    done = await stage.ask("audience", "set", name, str(listed))
    assert done.code == 0, done.text()


async def set_audiences(stage: Stage) -> None:
    """Make both audiences."""
    await set_audience(stage, "staff", STAFF)
    await set_audience(stage, "everyone", EVERYONE)
