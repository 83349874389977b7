"""The fence: what becomes of a courier when the row is not the row as it read it."""

from tests.model.rules import Rule
from tests.model.state import At, Courier, Seen, World
from tests.model.step import Kind, Step, becomes

Rules = frozenset[Rule]


def intends(world: World, me: int, courier: Courier, words: str, rules: Rules, kind: Kind = Kind.WORK) -> Step:
    """Go on, or be fenced off at once where nothing else can come of it."""
    outdated = Rule.FENCE in rules and courier.row is not None and not courier.row.current
    fenced_off = outdated and courier.row is not None and _is_fenced_off(courier, courier.row, rules)
    return becomes(world, me, forgetting(courier, rules) if fenced_off else courier, words, kind)


def outdating(world: World, rules: Rules) -> World:
    """Make the row as others read it another."""
    return world._replace(couriers=tuple(_outdated(one, rules) for one in world.couriers))


def _outdated(courier: Courier, rules: Rules) -> Courier:
    seen = courier.row
    if seen is None or not seen.current:
        return courier
    if Rule.FENCE in rules and _is_fenced_off(courier, seen, rules):
        # All it can do is to find that out. That touches nothing but itself, so it is taken at once.
        return forgetting(courier, rules)
    return courier._replace(row=seen._replace(current=False))


def _is_fenced_off(courier: Courier, seen: Seen, rules: Rules) -> bool:
    match courier.at:
        case At.RECORDING | At.RESUMING:
            return True
        case At.IDLE:
            must_take_over = Rule.FENCED_SETTLEMENT in rules and not seen.mine
            return must_take_over or seen.batch is None or seen.batch.members == courier.resolved
        case At.SENDING:
            return not courier.fresh and Rule.FRESH_RECORD in rules
        case At.DEAD | At.PARKING | At.SPLITTING | At.CLEARING:
            return Rule.FENCED_SETTLEMENT in rules
    return False


def forgetting(courier: Courier, rules: Rules) -> Courier:
    """Give the courier that reads everything anew."""
    resolved = None if Rule.RECORD_REOPENS in rules else courier.resolved
    return Courier(resolved=resolved, refusal=courier.refusal)
