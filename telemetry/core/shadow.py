"""What a new key policy would have made of events that are past. Pure.

Events are taken one after the other, in the order in which they came. Of each key only 64 bits of its hash are kept,
in one set for each policy: at most 150 bytes a key. Of a million keys two are taken for one in 30 million trials.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

from telemetry.core.canonical import differing
from telemetry.core.errors import InvalidEventError
from telemetry.core.key import KeyPolicy, body_key, occurrence_key

MOST_SAMPLES = 5
TOPS = ("distinct_id", "deliver_at")

Came = Literal["suppressed", "split", "refused"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of the past: its key under the policy in force and under the new one, where it has one."""

    before: str | None
    after: str | None
    claims: Mapping[str, Any]
    at: datetime | None  # when it was received, or when it happened
    place: str = ""
    why: str = ""  # it has no key under the new policy
    differed: Sequence[str] = ()  # fields in which another body differed that came again under its key


@dataclass(frozen=True, slots=True)
class Sample:
    """One event that would have fared otherwise, and the one that had the key before it."""

    came: Came
    event: Seen
    first: Seen | None = None

    @property
    def differs(self) -> list[str]:
        """Name the fields in which the two differ."""
        if self.first is None:
            return []
        mine, others = self.event.claims, self.first.claims
        tops = [name for name in TOPS if mine.get(name) != others.get(name)]
        return tops + [f"properties.{name}" for name in differing(others["properties"], mine["properties"])]


@dataclass
class Shadow:
    """What a type's events come to under the policy in force, beside what they would have under a new one."""

    type: str
    before: KeyPolicy | None  # not known: facts are told apart as those of a type without a policy
    after: KeyPolicy
    # What is stored is one fact a row, and comes in the order of its keys, not of its time.
    stored: bool = False
    # Whether an event that has neither a policy nor an id of its own is taken, and told apart by its body.
    by_body: bool = True
    events: int = 0
    suppressed: int = 0  # told today, and not any more
    split: int = 0  # blocked today, and told as well
    taken: int = 0  # refused today, and not any more
    keyless: int = 0  # refused under both
    contradicted: int = 0  # facts under whose key something came again that would have been another one
    refused: Counter[str] = field(default_factory=Counter)  # by the field that is missing or cannot be part of a key
    samples: list[Sample] = field(default_factory=list)
    _before: set[int] = field(default_factory=set)
    _after: set[int] = field(default_factory=set)
    _folded: set[int] = field(default_factory=set)
    _wanted: dict[tuple[bool, int], list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def facts(self) -> int:
        """Count what is told today."""
        return self.events if self.stored else len(self._before)

    @property
    def facts_after(self) -> int:
        """Count what would have been told."""
        return len(self._after)

    @property
    def groups(self) -> int:
        """Count the new keys that more than one fact would have shared."""
        return len(self._folded)

    @property
    def wants(self) -> bool:
        """Say whether a second reading has anything to find."""
        return bool(self._wanted)

    @property
    def blind(self) -> bool:
        """Say whether nothing can be known: a producer's own id is stored in keys alone."""
        return self.stored and not self.after.fields

    def key(self, claims: Mapping[str, Any], source: str) -> str | None:
        """Make an event's key as it is made today; None where it is refused."""
        try:
            if self.before is not None:
                return self.before.key(claims, source)
            by_body = self.by_body and not claims.get("insert_id")
            return body_key(claims, source) if by_body else occurrence_key(claims, source)
        except InvalidEventError:
            return None

    def see(self, before: str | None, claims: Mapping[str, Any], source: str, **told: Any) -> Seen:
        """Look at an event with its key as it is today."""
        try:
            return Seen(before, self.after.key(claims, source), claims, **told)
        except InvalidEventError as error:
            return Seen(before, None, claims, **told, why=str(error))

    def take(self, seen: Seen) -> None:
        """Count the next event."""
        self.events += 1
        told = seen.before is not None and (self.stored or _fresh(self._before, seen.before))
        self.contradicted += any(_holds(name, part) for name in seen.differed for part in self.after.fields)
        if seen.after is None:
            self._refuse(seen)
            return
        self.taken += seen.before is None
        would_be = _fresh(self._after, seen.after)
        if told and not would_be:
            self.suppressed += 1
            self._folded.add(_hash(seen.after))
            self._keep("suppressed", seen)
        elif would_be and not told and seen.before is not None:
            self.split += 1
            self._keep("split", seen)

    def recall(self, seen: Seen) -> bool:
        """Look at an event again, in the same order, for the samples' sake; say whether they are complete."""
        for after, key in ((False, seen.before), (True, seen.after)):
            for place in self._wanted.pop((after, _hash(key)), ()) if key is not None else ():
                self.samples[place] = _paired(self.samples[place], seen, swap=self.stored)
        return not self._wanted

    def _refuse(self, seen: Seen) -> None:
        if seen.before is None:
            self.keyless += 1
            return
        self.refused[seen.why.partition(":")[0]] += 1
        self._keep("refused", seen)

    def _keep(self, came: Came, seen: Seen) -> None:
        if sum(sample.came == came for sample in self.samples) >= MOST_SAMPLES:
            return
        if came != "refused":
            key = seen.after if came == "suppressed" else seen.before
            self._wanted[(came == "suppressed", _hash(key or ""))].append(len(self.samples))
        self.samples.append(Sample(came, seen))


def _paired(sample: Sample, first: Seen, *, swap: bool) -> Sample:
    later = swap and first.at and sample.event.at and first.at > sample.event.at
    return replace(sample, event=first, first=sample.event) if later else replace(sample, first=first)


def _holds(name: str, part: str) -> bool:
    return part == name or part.startswith(f"{name}.")


def _fresh(keys: set[int], key: str) -> bool:
    known = len(keys)
    keys.add(_hash(key))
    return len(keys) > known


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest())
