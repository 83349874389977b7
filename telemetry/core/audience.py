"""Audiences: destinations under one name, and other audiences with them."""

import re
from collections.abc import Mapping, Sequence

from telemetry.core.errors import ConfigurationError

NESTED = "audience"
SNOWFLAKE = re.compile(r"[1-9][0-9]{14,19}")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
LONGEST_QUOTE = 80
# What may stand before the colon, and what after it. All but the last are kinds of destinations.
KINDS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "discord": (SNOWFLAKE, "a channel id, which is 15 to 20 digits"),
    "discord-user": (SNOWFLAKE, "a user id, which is 15 to 20 digits"),
    "webhook": (NAME, "the name of an endpoint"),
    NESTED: (NAME, "the name of an audience"),
}
DESTINATIONS = tuple(kind for kind in KINDS if kind != NESTED)


class UnknownKindError(ValueError):
    """No member has such a kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"unknown member kind {kind[:LONGEST_QUOTE]!r}")
        self.kind = kind


def check_member(text: str) -> str:
    """Return a member; raise ValueError saying what is wrong with it, UnknownKindError where its kind is."""
    kind, colon, name = text.partition(":")
    if not colon:
        raise ValueError(f"expected kind:name, as in discord:112233445566778899, not {text[:LONGEST_QUOTE]!r}")
    if kind not in KINDS:
        raise UnknownKindError(kind)
    shape, said = KINDS[kind]
    if not shape.fullmatch(name):
        raise ValueError(f"expected {said}, after {kind}:, not {name[:LONGEST_QUOTE]!r}")
    return text


def check_audience_name(name: str) -> str:
    """Return an audience's name; raise ValueError where no audience can have it."""
    if not NAME.fullmatch(name):
        said = f"not {name[:LONGEST_QUOTE]!r}"
        raise ValueError(f"expected an audience's name of up to 64 letters, digits, '_', '.' or '-', {said}")
    return name


def nested_in(member: str) -> str | None:
    """Give the audience that a member names, where it names one."""
    kind, _, name = member.partition(":")
    return name if kind == NESTED else None


def check_no_cycle(name: str, includes: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigurationError, which shows the way round, where an audience would hold itself."""
    came_from: dict[str, str] = {}
    nearby = [name]
    while nearby:
        further: list[str] = []
        for holder in nearby:
            for held in includes.get(holder, ()):
                if held not in came_from:
                    came_from[held] = holder
                    further.append(held)
        if name in came_from:
            raise ConfigurationError(f"audience {name!r} would hold itself: {' → '.join(_way_round(name, came_from))}")
        nearby = further


def _way_round(name: str, came_from: Mapping[str, str]) -> list[str]:
    way = [name, came_from[name]]
    while way[-1] != name:
        way.append(came_from[way[-1]])
    return way[::-1]


def no_such_audience(name: str) -> str:
    """Say that there is no such audience, and what makes it one."""
    return f"there is no audience {name!r}; `tellonce audience set {name} FILE` makes it"
