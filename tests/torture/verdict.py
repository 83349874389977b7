"""What is wrong with the world after a torture."""

from collections import Counter
from collections.abc import Mapping

from tests.crash.audiences import MEMBERS
from tests.crash.file import CHANNELS, Outlet
from tests.crash.judge import wrongly_signed
from tests.crash.judgement import Judgement, wrong
from tests.crash.scenario import Fact
from tests.crash.stage import Stage
from tests.crash.verdicts import handlers, runs, schedules

HANDLER = "fulfil"
QUEUES = [f"{name}_queue" for name in (*Outlet, HANDLER)]
PLAIN = ("sign_up", "badge_awarded")  # told once where they are shown, and no more comes of them


async def judge(stage: Stage, sent: Mapping[str, Fact]) -> Judgement:
    """Judge a world that has come to rest by what producers sent."""
    found = await _facts(stage, sent) + await _rows(stage, sent)
    found += await runs.members(stage, (MEMBERS,), again=True)
    found += await handlers.followed_up(stage, HANDLER) + await handlers.done_once(stage)
    found += await schedules.unbroken(stage)
    return found + wrong([*wrongly_signed(stage), *await stage.breaches()])


async def _facts(stage: Stage, sent: Mapping[str, Fact]) -> Judgement:
    """Each is told once, unless it was taken back: then never."""
    plain = {key: fact for key, fact in sent.items() if fact.event in PLAIN}
    shown: Counter[str] = Counter()
    elsewhere = []
    for channel in CHANNELS:
        titles = [title for title in stage.shown(channel) if title in plain]
        shown.update(titles)
        elsewhere += [f"{key} is shown elsewhere" for key in titles if plain[key].channel != channel]
    heard = Counter(stage.receiver.taken)
    cancelled = {row["_id"] async for row in stage.database["events"].find({"cancelled": {"$exists": True}})}
    elsewhere += [f"{key} is told although it is cancelled" for key in cancelled if shown[key] or heard[key]]
    owed = {key: fact for key, fact in plain.items() if key not in cancelled}
    lost = [key for key in owed if not shown[key]]
    lost += [f"{key} for the receiver" for key, fact in owed.items() if fact.hooked and not heard[key]]
    twice = [key for told in (shown, heard) for key, times in told.items() if times > 1]
    return Judgement(tuple(lost), tuple(twice), tuple(elsewhere))


async def _rows(stage: Stage, sent: Mapping[str, Fact]) -> Judgement:
    """What producers sent is stored, and every delivery is done; those of runs are judged by themselves."""
    stored = await stage.database["events"].count_documents({"origin": {"$exists": False}})
    found = [f"{stored} events are stored, {len(sent)} were sent"] if stored != len(sent) else []
    for queue in QUEUES:
        unlike = stage.database[queue].find({"state": {"$ne": "delivered"}, "run": {"$exists": False}})
        found += [f"{row['_id']} is {row['state']}: {row.get('reason')}" async for row in unlike]
    return wrong(found)
