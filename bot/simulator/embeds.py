"""Embeds: trimmed, measured, and cleaned the way Discord does."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.simulator.complaints import Complaints, Place

MOST_EMBEDS = 10
MOST_FIELDS = 25
MOST_TEXT = 6000
MOST_COLOUR = 0xFFFFFF
TEXTS: dict[Place, int] = {
    ("title",): 256,
    ("description",): 4096,
    ("footer", "text"): 2048,
    ("author", "name"): 256,
}
FIELD_TEXTS = {"name": 256, "value": 1024}
LINKS: tuple[Place, ...] = (
    ("url",),
    ("image", "url"),
    ("thumbnail", "url"),
    ("author", "url"),
    ("author", "icon_url"),
    ("footer", "icon_url"),
)
PARTS = ("footer", "author", "image", "thumbnail")
SCHEMES = ("http://", "https://", "attachment://")
VISIBLE = ("title", "description", "fields", "footer", "author", "image", "thumbnail", "timestamp")

Embed = dict[str, Any]


def units(text: str) -> int:
    """Measure a text in UTF-16 units: whether Discord counts those is unstated, but they are the stricter ones."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def read_embeds(raw: object, complaints: Complaints) -> list[Embed]:
    """Read the embeds of a body, complaining about whatever breaks a limit."""
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        complaints.add(("embeds",), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return []
    if len(raw) > MOST_EMBEDS:
        complaints.too_long(("embeds",), MOST_EMBEDS)
    embeds = [trimmed(one) for one in raw]
    for number, embed in enumerate(embeds):
        check(embed, ("embeds", number), complaints)
    if sum(units(text) for embed in embeds for _, text, _ in texts(embed)) > MOST_TEXT:
        complaints.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MOST_TEXT}")
    return [embed for embed in once_per_url(embeds) if any(embed.get(part) for part in VISIBLE)]


def trimmed(value: Any) -> Any:
    """Take the white space off both ends of every text, and drop what is null."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [trimmed(one) for one in value]
    if isinstance(value, dict):
        return {key: trimmed(one) for key, one in value.items() if one is not None}
    return value


def texts(embed: Embed) -> Iterator[tuple[Place, str, int]]:
    """Walk through the texts that count, with their places and limits."""
    for place, limit in TEXTS.items():
        if isinstance(text := at(embed, place), str):
            yield place, text, limit
    for number, field in enumerate(fields_of(embed)):
        for name, limit in FIELD_TEXTS.items():
            if isinstance(text := field.get(name), str):
                yield ("fields", number, name), text, limit


def check(embed: Embed, place: Place, complaints: Complaints) -> None:
    """Complain about one embed."""
    for where, text, limit in texts(embed):
        if units(text) > limit:
            complaints.too_long((*place, *where), limit)
    for part in PARTS:
        if part in embed and not isinstance(embed[part], dict):
            complaints.add((*place, part), "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    for link in LINKS:
        if (url := at(embed, link)) and not str(url).startswith(SCHEMES):
            complaints.add((*place, *link), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    check_fields(embed, place, complaints)
    check_scalars(embed, place, complaints)


def check_fields(embed: Embed, place: Place, complaints: Complaints) -> None:
    """Complain about too many fields, and about one without name or value."""
    if len(fields_of(embed)) > MOST_FIELDS:
        complaints.too_long((*place, "fields"), MOST_FIELDS)
    for number, field in enumerate(fields_of(embed)):
        for name in FIELD_TEXTS:
            if not field.get(name):
                complaints.required((*place, "fields", number, name))


def check_scalars(embed: Embed, place: Place, complaints: Complaints) -> None:
    """Complain about a colour or a time that is none."""
    colour = embed.get("color", 0)
    if not isinstance(colour, int) or not 0 <= colour <= MOST_COLOUR:
        complaints.add(
            (*place, "color"), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {MOST_COLOUR}."
        )
    if (time := embed.get("timestamp")) and not is_time(time):
        complaints.add((*place, "timestamp"), "DATE_TIME_TYPE_PARSE", f"Could not parse {time}. Should be ISO8601.")


def is_time(text: object) -> bool:
    """Say whether a text is a time of ISO 8601."""
    try:
        datetime.fromisoformat(str(text))
    except ValueError:
        return False
    return True


def once_per_url(embeds: list[Embed]) -> Iterator[Embed]:
    """Keep only the first of several embeds with the same url."""
    seen = set()
    for embed in embeds:
        url = embed.get("url")
        if url and url in seen:
            continue
        seen.add(url)
        yield {**embed, "type": "rich"}


def fields_of(embed: Embed) -> list[dict[str, Any]]:
    """Return the fields of an embed."""
    fields = embed.get("fields")
    return [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []


def at(embed: Embed, place: Place) -> object:
    """Return what lies at a place, if anything does."""
    node: Any = embed
    for step in place:
        node = node.get(step) if isinstance(node, dict) else None
    return node
