"""What stands for a person's fact when it was erased: names that tell nobody whose it was. Pure."""

import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from telemetry.core.delivery import delivery_id
from telemetry.core.event import Event
from telemetry.core.key import join_key

TOMB = "erased"


@dataclass(frozen=True, slots=True)
class Secret:
    """The deployment's own secret, without which nobody can tell whose name is whose."""

    value: str

    def name(self, key: str) -> str:
        """Name the tombstone of a key."""
        return f"{TOMB}:{self._hash(key)}"

    def person(self, distinct_id: str) -> str:
        """Name a person; no key holds a NUL, so this is no tombstone's name."""
        return self._hash(f"person\0{distinct_id}")

    def _hash(self, text: str) -> str:
        return hmac.digest(self.value.encode(), text.encode("utf-8", "surrogatepass"), "sha256").hex()


def buried(event: Event, name: str, now: datetime) -> Event:
    """Give what is kept of an event under another name: its type, when it was received, and who acked it."""
    return replace(
        event,
        key=name,
        distinct_id="",
        properties={},
        time=event.received_at,
        source="",
        digest="",
        order=0,
        due_at=None,
        deliver_at=None,
        revision=None,
        fired=None,
        cancelled=None,
        origin=None,
        scrubbed=None,
        erased=event.erased or now,
    )


def redactor(distinct_id: str, names: Mapping[str, str]) -> Callable[[Any], Any]:
    """Make what takes a person out of a stored value: keys and deliveries' ids by name, the id where it is a word."""
    spelt = sorted({distinct_id, join_key("", [distinct_id])[1:]}, key=len, reverse=True)
    words = re.compile("|".join(rf"(?<![\w]){re.escape(word)}(?![\w])" for word in spelt))

    def redact(value: Any) -> Any:
        if isinstance(value, str):
            key, bar, rest = value.partition("|")
            return f"{names[key]}{bar}{rest}" if key in names else words.sub(TOMB, value)
        if isinstance(value, Mapping):
            return {redact(name): redact(item) for name, item in value.items()}
        return [redact(item) for item in value] if isinstance(value, list) else value

    return redact


def holds(members: Collection[str], keys: Collection[str]) -> set[str]:
    """Say which of some keys have a delivery among some members."""
    return {key for member in members if (key := member.partition("|")[0]) in keys}


def renamed(member: str, names: Mapping[str, str]) -> str:
    """Give a delivery's id with the tombstone's name in the place of its event's key."""
    key, _, rest = member.partition("|")
    return delivery_id(names[key], rest) if key in names else member
