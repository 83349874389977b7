"""What a Discord message may be: its limits, its text, its identity, and the payload that asks for it.

The limits are Discord's ("Create Message" and "Embed Limits" in its API reference). Whether it counts code
points or UTF-16 units is not stated: here it is units, the stricter of the two.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

CONTENT = 2000
EMBEDS = 10
TITLE = 256
DESCRIPTION = 4096
FIELDS = 25
FIELD_NAME = 256
FIELD_VALUE = 1024
FOOTER = 2048
AUTHOR = 256
EMBED_TOTAL = 6000  # over all embeds of a message
URL = 2048

SUPPRESS_EMBEDS = 1 << 2
SUPPRESS_NOTIFICATIONS = 1 << 12

# The ladder: a payload that Discord refuses for what it holds is tried again one rung down.
FULL, TRIMMED, PLAIN = 0, 1, 2
TRIMMED_TITLE = 200
TRIMMED_TEXT = 1000
TRIMMED_FOOTER = 200

MARKER = 10
_FOOTER_JOINT = " · "
_CONTENT_JOINT = "\n-# "
MARKER_ROOM = MARKER + len(_FOOTER_JOINT)
CONTENT_ROOM = CONTENT - MARKER - len(_CONTENT_JOINT)
_FOOTER_MARKER = re.compile(rf"(?:^|{_FOOTER_JOINT})([a-z2-7]{{{MARKER}}})\s*$")
_CONTENT_MARKER = re.compile(rf"(?:^|\n)-# ([a-z2-7]{{{MARKER}}})\s*$")

_BLANK = "\u200b"  # Discord wants a name for each field; this one is invisible
_INVISIBLE = re.compile(r"[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_URL = re.compile(r"""https?://[^\s<>]*[^\s<>.,:;!?"'\])*_~`|\\]""")
_INLINE = re.compile(r"[\\*_~`|\[\]<]")
_IN_URL = re.compile(r"[\\*_~`|\[\]()<@]")
_LINE_START = re.compile(r"(?m)^([ \t]*)(#{1,3}(?=\s|$)|-#|>(?=\s|>|$)|[-+](?=\s|$))")
_NUMBERED = re.compile(r"(?m)^([ \t]*\d+)\.(?=\s|$)")
_PING = re.compile(r"@(?=everyone|here|[!&\d]|\w{0,8}$)|^(?=everyone|here)")


@dataclass(frozen=True, slots=True)
class Body:
    """One item for a channel, in Discord's own words; this is what a delivery row stores."""

    key: str  # the event's: what the last rung shows
    content: str | None = None
    embed: Mapping[str, Any] | None = None
    mentions: tuple[str, ...] = ()  # who may be pinged: "users", "roles", "everyone"
    digest: bool = True  # may travel with others
    silent: bool = False
    suppress: bool = False  # no previews of links

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Body":
        """Read a body as a delivery row stores it."""
        known = {field.name: row[field.name] for field in fields(cls) if field.name in row}
        return cls(**known | {"mentions": tuple(row.get("mentions", ()))})

    def stored(self) -> dict[str, Any]:
        """Spell the body as a plain document, without what is absent."""
        row: dict[str, Any] = {"key": self.key, "digest": self.digest, "mentions": list(self.mentions)}
        row |= {"content": self.content} if self.content else {}
        row |= {"embed": dict(self.embed)} if self.embed else {}
        return row | {name: True for name in ("silent", "suppress") if getattr(self, name)}

    @property
    def alone(self) -> bool:
        """Whether it must be a message of its own."""
        return not self.digest or bool(self.content) or bool(self.mentions) or not self.embed


class Item(Protocol):
    """What must be known of a delivery in order to post it."""

    @property
    def id(self) -> str:
        """The delivery's name."""

    @property
    def generation(self) -> int:
        """Which wanted telling of it this is."""

    @property
    def body(self) -> Mapping[str, Any]:
        """A stored Body."""

    @property
    def rung(self) -> int:
        """How far down the ladder it has been taken."""

    @property
    def solo(self) -> bool:
        """Whether it must travel alone."""


def units(text: str) -> int:
    """Count UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """Leave out what no message can hold: control characters and halves of characters."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n"))


def trim(text: str, limit: int) -> str:
    """Cut a text to so many UTF-16 units, an ellipsis included, never through a character or an escape."""
    text = text.strip()
    if units(text) <= limit:
        return text
    if limit < 1:
        return ""
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)].decode("utf-16-le", "ignore").rstrip()
    dangling = (len(kept) - len(kept.rstrip("\\"))) % 2
    return kept[: len(kept) - dangling] + "…"


def escape(text: str) -> str:
    """Escape what Discord would read as Markdown or as a mention; the text looks the same when shown."""
    parts: list[str] = []
    end = 0
    for url in _URL.finditer(text):
        # A backslash would end the link's address early; a percent code means the same to its server.
        parts += [_escape_words(text[end : url.start()], first=end == 0), _IN_URL.sub(_percent, url[0])]
        end = url.end()
    return "".join([*parts, _escape_words(text[end:], first=end == 0)])


def _escape_words(text: str, *, first: bool) -> str:
    text = _INLINE.sub(r"\\\g<0>", text)
    # What follows a link on its line does not begin a line, whatever it looks like.
    head, newline, rest = ("", "", text) if first else text.partition("\n")
    rest = _NUMBERED.sub(r"\1\\.", _LINE_START.sub(r"\1\\\2", rest))
    return _PING.sub(lambda at: f"{at[0]}\u200b", head + newline + rest)


def _percent(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def embed_units(embed: Mapping[str, Any]) -> int:
    """Count what Discord counts towards the total of a message."""
    texts = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [field[part] for field in embed.get("fields", ()) for part in ("name", "value")]
    return sum(units(text) for text in texts)


class _Room:
    """What is left of an embed's total."""

    def __init__(self) -> None:
        self.left = EMBED_TOTAL - MARKER_ROOM

    def take(self, text: str | None, limit: int) -> str:
        cut = trim(clean(text or ""), min(limit, self.left))
        self.left -= units(cut)
        return cut


def limited(embed: Mapping[str, Any]) -> dict[str, Any]:
    """Cut an embed to Discord's limits and leave room for its marker; what comes out empty is left out."""
    room = _Room()
    title = room.take(embed.get("title"), TITLE)
    author = room.take(embed.get("author", {}).get("name"), AUTHOR)
    footer = room.take(embed.get("footer", {}).get("text"), FOOTER - MARKER_ROOM)
    cut = {
        "title": title,
        "description": room.take(embed.get("description"), DESCRIPTION),
        "author": {**embed.get("author", {}), "name": author} if author else None,
        "footer": {"text": footer} if footer else None,
        "fields": _fields(embed.get("fields", ()), room),
    }
    kept = {name: embed[name] for name in ("url", "color", "timestamp") if embed.get(name) is not None}
    return kept | {name: value for name, value in cut.items() if value}


def _fields(wanted: Sequence[Mapping[str, Any]], room: _Room) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    for field in wanted[:FIELDS]:
        if not clean(field["value"]).strip() or room.left <= FIELD_NAME:
            continue
        name = room.take(clean(field["name"]).strip() or _BLANK, FIELD_NAME)
        value = room.take(field["value"], FIELD_VALUE)
        if value:
            taken.append({"name": name, "value": value, "inline": bool(field.get("inline"))})
    return taken


def shown(body: Body, rung: int) -> Body:
    """Give a body the form it has on a rung of the ladder."""
    if rung <= FULL:
        return body
    if rung == TRIMMED and (short := _shorter(body)):
        return short
    content = trim(escape(clean(body.key)), CONTENT_ROOM)
    return Body(body.key, content=content, digest=False, silent=body.silent, suppress=True)


def _shorter(body: Body) -> Body | None:
    embed = body.embed or {}
    title, description = trim(embed.get("title", ""), TRIMMED_TITLE), trim(embed.get("description", ""), TRIMMED_TEXT)
    footer = trim(embed.get("footer", {}).get("text", ""), TRIMMED_FOOTER)
    if title or description:
        short = limited({"title": title, "description": description, "footer": {"text": footer}})
        return Body(body.key, embed=short, digest=body.digest, silent=body.silent)
    if body.content:
        content = trim(body.content, TRIMMED_TEXT)
        return Body(body.key, content=content, digest=False, silent=body.silent, suppress=True)
    return None


def marker(delivery_id: str, generation: int) -> str:
    """Name one telling of a delivery, briefly enough to stand in the message itself."""
    return _base32("marker", "v1", delivery_id, generation)[:MARKER].lower()


def nonce(channel_id: str, members: Sequence[tuple[str, int]]) -> str:
    """Name a message by its channel and members, so that every attempt at it has the same nonce."""
    # Discord takes up to 25 characters. The scope of its memory may be the author: hence the channel.
    return _base32("v1", channel_id, [list(member) for member in members])[:25]


def _base32(*parts: Any) -> str:
    # JSON separates the parts: no two lists are spelt alike.
    spelt = json.dumps(parts, separators=(",", ":"))
    return base64.b32encode(hashlib.sha256(spelt.encode()).digest()).decode()


def fits(items: Sequence[Item], following: Item) -> bool:
    """Say whether one more item may travel in the same message."""
    if not items:
        return True
    bodies = [shown(Body.of(item.body), item.rung) for item in (*items, following)]
    if any(item.solo for item in (*items, following)) or any(body.alone for body in bodies):
        return False
    embeds = [_marked(body.embed or {}, "x" * MARKER) for body in bodies]
    # Discord shows embeds of one url as one.
    urls = [embed["url"] for embed in embeds if embed.get("url")]
    return (
        len(embeds) <= EMBEDS
        and len(urls) == len(set(urls))
        and len({body.silent for body in bodies}) == 1
        and sum(map(embed_units, embeds)) <= EMBED_TOTAL
    )


def pack(waiting: Sequence[Item], most: int = EMBEDS) -> int:
    """Say how many items from the head of a queue make the next message."""
    count = 0
    for item in waiting[: max(most, 1)]:
        if not fits(waiting[:count], item):
            break
        count += 1
    return count


def compose(channel_id: str, items: Sequence[Item]) -> dict[str, Any]:
    """Make the payload of a message that carries items; the same items give the same payload."""
    bodies = [shown(Body.of(item.body), item.rung) for item in items]
    marks = [marker(item.id, item.generation) for item in items]
    if len(bodies) != 1 and (not bodies or any(body.alone for body in bodies)):
        raise ValueError("a message carries one item, or several that may travel together")
    content = bodies[0].content or ""
    embeds = [_marked(body.embed, mark) for body, mark in zip(bodies, marks, strict=True) if body.embed]
    if not embeds:
        content = f"{trim(content, CONTENT_ROOM)}{_CONTENT_JOINT}{marks[0]}"
    return {
        **({"content": content} if content else {}),
        **({"embeds": embeds} if embeds else {}),
        "nonce": nonce(channel_id, [(item.id, item.generation) for item in items]),
        "enforce_nonce": True,
        "allowed_mentions": {"parse": sorted({name for body in bodies for name in body.mentions})},
        "flags": (SUPPRESS_NOTIFICATIONS if all(body.silent for body in bodies) else 0)
        | (SUPPRESS_EMBEDS if any(body.suppress for body in bodies) else 0),
    }


def _marked(embed: Mapping[str, Any], mark: str) -> dict[str, Any]:
    text = embed.get("footer", {}).get("text")
    return {**embed, "footer": {"text": f"{text}{_FOOTER_JOINT}{mark}" if text else mark}}


def find_markers(message: Mapping[str, Any]) -> set[str]:
    """Read the markers back from a message of the channel's history."""
    footers = [(embed.get("footer") or {}).get("text") or "" for embed in message.get("embeds") or ()]
    found = {match[1] for match in map(_FOOTER_MARKER.search, footers) if match}
    # Where embeds carry the markers, the text beside them is a template's, and may hold anything.
    last = None if found else _CONTENT_MARKER.search(message.get("content") or "")
    return found | ({last[1]} if last else set())
