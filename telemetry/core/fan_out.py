"""What a consumer plans for members of audiences: who they are is looked up when the event is offered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FanOut:
    """The same messages for each member of some audiences, sent in the turn of one account."""

    audiences: Sequence[str]
    kinds: Sequence[str]  # of members that the consumer carries to: what is before the colon
    bodies: Sequence[Mapping[str, Any]]  # rendered; one delivery each a member, in this order
    account: str  # runs of one account take turns
    fields: Mapping[str, Any] = field(default_factory=dict)  # more that each delivery has: state, reason, rung, group
