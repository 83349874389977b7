"""A courier: reads the channel's row, resolves what is recorded there, records, sends, settles."""

from telemetry.core.delivery import State
from tests.model.answers import look, send
from tests.model.fence import forgetting, intends, outdating
from tests.model.rules import Rule
from tests.model.settlement import WRITES, is_open, settling, write
from tests.model.state import NOBODY_ALIVE, At, Batch, Courier, Members, Seen, World, with_courier
from tests.model.step import Kind, Step, Steps, becomes

Rules = frozenset[Rule]

STARTED = Courier()


def steps(world: World, me: int, rules: Rules) -> Steps:
    """List what one courier may do next, crashing included; to be stopped is to do nothing for a while."""
    courier = world.couriers[me]
    match courier.at:
        case At.IDLE if courier.row is not None:
            yield from _decide(world, me, courier, courier.row, rules)
        case At.IDLE:
            if world.holder in (None, me) or not world.live:
                seen = Seen(True, world.holder == me, world.batch)
                yield becomes(world, me, courier._replace(row=seen), "reads the channel's row")
        case At.RECORDING | At.RESUMING:
            yield _record(world, me, courier, rules)
        case At.SENDING:
            yield from send(world, me, courier, rules)
        case At.LOOKING | At.LOOKING_PART:
            yield from look(world, me, courier, rules)
        case writing if writing in WRITES:
            yield Step(Kind.WORK, f"courier {me} is {writing}: event {courier.left[0]}", write(world, me, rules))
    if courier != STARTED or world.holder == me:
        gone = with_courier(world, me, STARTED)
        holder = NOBODY_ALIVE if world.holder == me else world.holder
        yield Step(Kind.TROUBLE, f"courier {me} crashes", gone._replace(holder=holder))


def _decide(world: World, me: int, courier: Courier, seen: Seen, rules: Rules) -> Steps:
    batch = seen.batch
    if batch is None or batch.members == courier.resolved or Rule.RESOLVE_FIRST not in rules:
        yield from _take_next(world, me, courier, rules)
    elif Rule.FENCED_SETTLEMENT in rules and not seen.mine:
        if not world.live:
            taken = outdating(world, rules)._replace(holder=me, live=True)
            yield becomes(taken, me, courier._replace(row=seen._replace(mine=True)), "takes the row over")
        else:
            yield becomes(world, me, forgetting(courier, rules), "finds the row another's")
    else:
        yield _resolve(world, me, courier, batch, rules)


def _take_next(world: World, me: int, courier: Courier, rules: Rules) -> Steps:
    waiting = [event for event, row in enumerate(world.rows) if row and row.state is State.PENDING]
    if not waiting:
        return
    rows = [row for event in waiting if (row := world.rows[event])]
    if earlier := rows[0].attempt:
        again = courier._replace(at=At.RESUMING, batch=earlier)
        yield intends(world, me, again, f"takes up {earlier.members} again", rules)
        return
    together = len(waiting) > 1 and not any(row.solo or row.attempt for row in rows)
    for members in [tuple(waiting), tuple(waiting[:1])] if together else [tuple(waiting[:1])]:
        chosen = courier._replace(at=At.RECORDING, batch=Batch(members))
        yield intends(world, me, chosen, f"chooses {members}", rules)


def _resolve(world: World, me: int, courier: Courier, batch: Batch, rules: Rules) -> Step:
    rows = [row for event in batch.members if (row := world.rows[event])]
    waiting = [row for row in rows if is_open(row, batch, rules)]
    if not waiting:
        resolved = courier._replace(resolved=batch.members, refusal=False)
        return becomes(world, me, resolved, f"finds {batch.members} resolved")
    if Rule.SIBLINGS in rules and any(row.nonce == batch.members for row in rows):
        return becomes(world, me, settling(courier, At.DELIVERED, batch), "finds a member delivered under its nonce")
    whole = len(waiting) == len(batch.members)
    if whole and batch.window and not courier.refusal:
        members = batch.members if Rule.FROZEN_MEMBERS in rules else _all_waiting(world)
        again = Batch(members, again=True, window=True)
        fresh = Rule.ONE_READING in rules
        return intends(
            world, me, courier._replace(at=At.RECORDING, batch=again, fresh=fresh), f"retries {members}", rules
        )
    at = At.LOOKING if whole else At.LOOKING_PART
    return becomes(world, me, courier._replace(at=at, batch=batch), f"is about to look for {batch.members}")


def _all_waiting(world: World) -> Members:
    return tuple(event for event, row in enumerate(world.rows) if row and row.state is State.PENDING)


def _record(world: World, me: int, courier: Courier, rules: Rules) -> Step:
    seen, batch = courier.row, courier.batch
    if Rule.FENCE in rules and not (seen and seen.current and (seen.mine or not world.live)):
        return becomes(world, me, forgetting(courier, rules), "finds the row another's")
    if world.holder != me or Rule.EVERY_RECORD_COUNTS in rules:
        world = outdating(world, rules)
    kept = world.batch if Rule.RECORD_FIRST not in rules else batch
    world = world._replace(holder=me, live=True, batch=kept)
    resuming = courier.at is At.RESUMING
    resolved = None if resuming or Rule.RECORD_REOPENS in rules else courier.resolved
    after = courier._replace(row=Seen(True, True, kept), resolved=resolved, at=At.SENDING, fresh=True)
    if resuming:
        return becomes(world, me, after._replace(at=At.IDLE, batch=None, fresh=False), "records an earlier try")
    if batch and batch.again and Rule.ONE_READING in rules:
        after = after._replace(fresh=courier.fresh)
    return becomes(world, me, after, f"records {batch and batch.members}")
