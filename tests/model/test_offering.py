"""During a deploy, whoever was registered when an event was stored hears of it once."""

from functools import partial

import pytest

from tests.model.offering import Deploy, breach, is_finished, steps
from tests.model.rules import ALL, Rule
from tests.model.search import explore, trapped

BROKEN = {
    Rule.TOMBSTONE: "told twice",
    Rule.REGISTRY: "settled, and a consumer never hears of it",
    Rule.READ_LAST: "settled, and a consumer never hears of it",
}


def test_an_old_and_a_new_watcher_together_tell_each_consumer_once_however_often_they_are_killed() -> None:
    found = explore(Deploy(), steps, breach)
    assert found.wrong is None, found.trace(found.wrong_at)
    assert [] == trapped(found, is_finished)
    assert len(found.worlds) > 1000


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.name)
def test_without_this_rule_a_consumer_is_told_twice_or_never(rule: Rule) -> None:
    found = explore(Deploy(), partial(steps, rules=ALL - {rule}), breach)
    assert BROKEN[rule] == found.wrong


def test_without_the_sweep_a_watcher_that_is_killed_takes_the_event_with_it() -> None:
    found = explore(Deploy(), partial(steps, rules=ALL - {Rule.SWEEP}), breach)
    assert found.wrong is None
    assert trapped(found, is_finished)
