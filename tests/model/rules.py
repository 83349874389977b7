"""The rules that the protocol stands on; a model without one of them must be seen to fail."""

from enum import StrEnum


class Rule(StrEnum):
    """What is relied on, as a sentence that stays true while the rule is kept."""

    ENFORCE_NONCE = "Discord answers a nonce it remembers with the message there is"
    RECORD_FIRST = "what is about to be posted is recorded before it is sent"
    FENCE = "a record matches only the row as read, held by the recorder or by nobody any more"
    FENCED_SETTLEMENT = "only who holds the row, and took it over first, writes an outcome other than a delivery"
    EVERY_RECORD_COUNTS = "a row that its own holder recorded again is not the row as read"
    RECORD_REOPENS = "recording a batch, or losing the row, ends what was known to be resolved"
    FROZEN_MEMBERS = "a batch of unknown outcome is tried again with exactly its members"
    FRESH_RECORD = "nothing is sent on an old record"
    ONE_READING = "a record is as old as the look at the clock that found the nonce to hold"
    HISTORY = "beyond the nonce window the channel's history decides"
    WHOLE_FINDS = "a batch is found in the history only where all its members stand in one message"
    HISTORY_WAITS = "history is read when nothing of the batch can be on its way any more"
    PARK_UNREADABLE = "where history cannot be read a batch is parked with all that is known about it"
    OWN_ATTEMPTS = "resolving a batch leaves its members' tries in other batches alone"
    SIBLINGS = "one member delivered under its nonce means all are"
    RESOLVE_FIRST = "a batch is replaced only when all of it is resolved"
    CERTAIN_REFUSAL = "only the first try's refusal says that nothing is in the channel"
    SPLIT_FORGETS = "a batch that is split after a certain refusal is no longer an earlier try"
    TOMBSTONE = "an offer of a row that exists changes nothing"
    ACK_LAST = "an event is acked after its offer is durable"
    SWEEP = "what is owed is found without any hint"
    REGISTRY = "an event is settled when all have acked it that the database knows"
    READ_LAST = "who must hear of an event is read after the event"


ALL = frozenset(Rule)
# Saves a look into the history, which would say the same: without it nothing is told twice, or lost.
CONVENIENT = frozenset({Rule.SIBLINGS})
# They matter where there are several consumers.
OFFERING = frozenset({Rule.SWEEP, Rule.REGISTRY, Rule.READ_LAST})
