"""What stands for a person's fact when it was erased: names that tell nobody whose it was. Pure."""

import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from telemetry.core.event import Event
from telemetry.core.key import escaped
from telemetry.core.warning import LONGEST_SAMPLE

TOMB = "erased"
# Where an id begins and ends: these join what is one word to those who made it up.
_BEGUN = r"(?<!\w)(?<!\w[-.@+%])"
_OVER = r"(?![\w\u0300-\u036f])(?![-.@+%]\w)"
# Of fewer bytes, an id is known by what stands around it.
_SHORT = 3
_MARKED, _ENDED = r"(?:(?<=[:'\"`=|/#<(\[])|^)", r"(?=[:'\"`|/&>)\]…]|$)"
_HEAD_ENDS = {"", "|", ": "}
_TOKEN = re.compile(r"[^\s'\"`,;()<>|]+")
_CUT = "…"


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


def redactor(distinct_id: str, names: Mapping[str, str]) -> Callable[[str], str]:
    """Make what takes a person out of a text: their keys by name, and their id where it stands as one.

    That is where it is no part of a longer id, as `ada` is of `ada-2`. One of a sign or two is many a word, too: it is
    an id only where it is all of a text, or between the signs that stand around an id.
    """
    spelt = sorted({distinct_id, escaped(distinct_id), repr(distinct_id)[1:-1]}, key=len, reverse=True)
    short = len(distinct_id.encode("utf-8", "surrogatepass")) < _SHORT
    before, behind = (_MARKED, _ENDED) if short else (_BEGUN, _OVER)
    words = re.compile("|".join(f"{before}{re.escape(word)}{behind}" for word in spelt))

    def redact(text: str) -> str:
        uncut = text.removesuffix(_CUT) if len(text) >= LONGEST_SAMPLE else text
        if uncut != text and any(key.startswith(uncut) for key in names):
            return f"{TOMB}{_CUT}"
        # A key may hold spaces: only at the beginning is it known where it ends.
        ends = (end for end in range(len(text), 0, -1) if text[:end] in names)
        end = next((end for end in ends if {text[end : end + 1], text[end : end + 2]} & _HEAD_ENDS), 0)
        rest = words.sub(TOMB, _TOKEN.sub(lambda found: _token(found[0], names), text[end:]))
        return names.get(text[:end], "") + (_without_start_of(spelt, rest) if uncut != text else rest)

    return redact


def _token(token: str, names: Mapping[str, str]) -> str:
    key = token.rstrip(".:!?")
    return f"{names[key]}{token[len(key) :]}" if key in names else token


def _without_start_of(words: Collection[str], cut: str) -> str:
    """Take the beginning of a word out of the end of a text that was cut off."""
    text = cut.removesuffix(_CUT)
    for word in words:
        for length in range(len(word) - 1, _SHORT, -1):
            if re.search(f"{_BEGUN}{re.escape(word[:length])}$", text):
                return f"{text[:-length]}{TOMB}{_CUT}"
    return cut


def holds(members: Collection[str], keys: Collection[str]) -> set[str]:
    """Say which of some keys have a delivery among some members."""
    return {key for member in members if (key := member.partition("|")[0]) in keys}


def renamed(member: str, names: Mapping[str, str]) -> str:
    """Give a delivery's id, or a key, with the tombstone's name in the place of the event's key."""
    key, bar, rest = member.partition("|")
    return f"{names[key]}{bar}{rest}" if key in names else member
