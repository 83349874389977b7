"""How a courier tries and looks, and what it makes of the answers."""

from tests.model import discord
from tests.model.fence import forgetting, intends
from tests.model.rules import Rule
from tests.model.settlement import settling
from tests.model.state import At, Batch, Courier, Members, World
from tests.model.step import Kind, Steps, becomes

Rules = frozenset[Rule]


def send(world: World, me: int, courier: Courier, rules: Rules) -> Steps:
    """Post what is recorded, on a fresh record only."""
    batch = courier.batch
    if batch is None:
        return
    if Rule.FRESH_RECORD in rules and not courier.fresh:
        yield becomes(world, me, forgetting(courier, rules), "finds its record too old")
        return
    for fate in discord.fates(world, batch.members, rules):
        after = _judged(courier._replace(at=At.IDLE, fresh=False, batch=None), batch, fate.answer, rules)
        yield becomes(fate.world, me, after, f"posts {batch.members} and {fate.words}", fate.kind)


def _judged(courier: Courier, batch: Batch, answer: str, rules: Rules) -> Courier:
    certain = not batch.again or Rule.CERTAIN_REFUSAL not in rules
    if answer == "delivered":
        return settling(courier, At.DELIVERED, batch)
    if answer == "refused":
        return _refused(courier, batch) if certain else courier._replace(refusal=True)
    if answer == "retry" and not batch.again:
        return courier._replace(resolved=batch.members, refusal=False)
    return courier


def _refused(courier: Courier, batch: Batch) -> Courier:
    return settling(courier, At.SPLITTING if len(batch.members) > 1 else At.DEAD, batch)


def look(world: World, me: int, courier: Courier, rules: Rules) -> Steps:
    """Look for a batch in the channel's history."""
    batch = courier.batch
    if batch is None or (Rule.HISTORY_WAITS in rules and batch.members in world.held):
        return
    fresh = Rule.ONE_READING in rules
    again = courier._replace(at=At.RECORDING, batch=Batch(batch.members, again=True), fresh=fresh)
    if Rule.HISTORY not in rules:
        yield becomes(world, me, again, f"takes {batch.members} for lost")
        return
    unreadable = settling(courier, At.PARKING, batch) if Rule.PARK_UNREADABLE in rules else again
    yield intends(world, me, unreadable, "cannot read the history", rules, Kind.TROUBLE)
    if any(_shows(message, batch.members, rules) for message in world.shown):
        yield becomes(world, me, settling(courier, At.DELIVERED, batch), f"finds {batch.members} in the history")
    elif courier.refusal:
        words = f"does not find {batch.members}, which was refused"
        yield intends(world, me, _refused(courier, batch), words, rules)
    elif courier.at is At.LOOKING_PART:
        cleared = settling(courier, At.CLEARING, batch)
        yield intends(world, me, cleared, f"does not find the rest of {batch.members}", rules)
    else:
        yield intends(world, me, again, f"does not find {batch.members}", rules)


def _shows(message: Members, members: Members, rules: Rules) -> bool:
    wanted = set(members)
    return wanted <= set(message) if Rule.WHOLE_FINDS in rules else bool(wanted & set(message))
