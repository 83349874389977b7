"""A daemon with one safeguard taken out: what the proof must be able to notice.

Here alone the harness knows the product from within. Each function undoes one rule in the process that it
is called in, before the daemon starts.
"""

from collections.abc import Callable, Mapping

from tests.crash.sabotage import bot, courier, operators, watcher

SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    "nonce": bot.nonce,
    "sending first": bot.sending_first,
    "fence": bot.fence,
    "tombstone": bot.tombstone,
    "frozen digest": bot.frozen_digest,
    "history": bot.history,
    "fresh record": bot.fresh_record,
    "sweep": watcher.sweep,
    "consumer-aware settling": watcher.consumer_aware_settling,
    "guarded firing": watcher.guarded_firing,
    "deciding first": watcher.deciding_first,
    "guarded deciding": watcher.guarded_deciding,
    "pinned run": watcher.pinned_run,
    "naming first": watcher.naming_first,
    "guarded run": watcher.guarded_run,
    "constant id": courier.constant_id,
    "settling last": courier.settling_last,
    "emits in the row": courier.emits_in_the_row,
    "one transaction": courier.one_transaction,
    "once an operation": operators.once_an_operation,
}


def take_out(name: str) -> None:
    """Take one safeguard out of this process."""
    SAFEGUARDS[name]()
