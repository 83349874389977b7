"""Rows as MongoDB holds them, and the values we make of them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from hashlib import sha256
from typing import Any, TypeVar

import bson

from telemetry.core.delivery import TOMBSTONES, Delivery, State
from telemetry.core.event import Ack, Cancelled, Event, Repeats
from telemetry.core.key import join_key, slot

Row = dict[str, Any]
T = TypeVar("T")


def read_as(kind: type[T], row: Mapping[str, Any]) -> T:
    """Make a value (a dataclass) of what a row says; what a later version has added to it is passed over."""
    return kind(**{field.name: row[field.name] for field in fields(kind) if field.name in row})  # type: ignore[arg-type]


def event_row(event: Event) -> Row:
    """Spell an event as its row."""
    row = {
        "_id": event.key,
        "receipt": event.receipt,
        "event": event.type,
        "distinct_id": event.distinct_id,
        "properties": stored(event.properties),
        "time": event.time,
        "received_at": event.received_at,
        "source": event.source,
        "digest": event.digest,
        "slot": slot(event.key),
        "order": event.order,
        "acks": {name: {"at": ack.at, "deliveries": ack.deliveries} for name, ack in event.acks.items()},
    }
    rare = {
        "due_at": event.due_at,
        "deliver_at": event.deliver_at,
        "revision": event.revision,
        "fired": event.fired,
        "cancelled": asdict(event.cancelled) if event.cancelled else None,
        "origin": event.origin,
        "scrubbed": event.scrubbed,
        "erased": event.erased,
    }
    return row | {name: value for name, value in rare.items() if value is not None}


def event_size(event: Event) -> int:
    """Count the bytes of an event's row."""
    return len(bson.encode(event_row(event)))


def event_from(row: Mapping[str, Any]) -> Event:
    """Read an event from its row."""
    return Event(
        key=row["_id"],
        receipt=row["receipt"],
        type=row["event"],
        distinct_id=row["distinct_id"],
        properties=restored(row["properties"]),
        time=row["time"],
        received_at=row["received_at"],
        source=row["source"],
        digest=row["digest"],
        order=row["order"],
        due_at=row.get("due_at"),
        acks={name: Ack(ack["at"], ack["deliveries"]) for name, ack in row.get("acks", {}).items()},
        deliver_at=row.get("deliver_at"),
        revision=row.get("revision"),
        fired=row.get("fired"),
        cancelled=read_as(Cancelled, row["cancelled"]) if "cancelled" in row else None,
        origin=row.get("origin"),
        repeats=_repeats(row["repeats"]) if "repeats" in row else None,
        scrubbed=row.get("scrubbed"),
        erased=row.get("erased"),
    )


def _repeats(row: Mapping[str, Any]) -> Repeats:
    return Repeats(dict(row["counts"]), row["last_at"], tuple(row.get("differs", ())))


def delivery_row(delivery: Delivery) -> Row:
    """Spell a delivery as its row; only an unfinished one has `work`, and so an entry in the work index."""
    place = work_place(delivery.destination, delivery.order)
    row: Row = {
        "_id": delivery.id,
        "event": delivery.event,
        "receipt": delivery.receipt,
        "destination": delivery.destination,
        "body": stored(delivery.body),
        "order": delivery.order,
        "place": place,
        "state": delivery.state.value,
        "claims": delivery.claims,
        "failures": delivery.failures,
        "generation": delivery.generation,
    }
    if delivery.state is State.HELD:
        row |= {"ready_at": delivery.ready_at, "work": held_place(delivery.run or "", delivery.turn)}
    elif delivery.state not in TOMBSTONES:
        row |= {"ready_at": delivery.ready_at, "work": f"{delivery.state}|{place}"}
    if delivery.run is not None:
        row |= {"run": delivery.run, "turn": delivery.turn}
    if delivery.group is not None:
        row |= {"group": delivery.group, "line": line_place(delivery)}
    if delivery.rung:
        row["rung"] = delivery.rung
    if delivery.reason is not None:
        row["reason"] = delivery.reason
    return row


def work_place(destination: str, order: int) -> str:
    """Spell a place in a destination's queue so that text sorts as the queue does."""
    return f"{destination}|{order:020d}"


def held_place(run: str, turn: int) -> str:
    """Spell the work entry of a delivery that waits for its turn in a run."""
    # Hashed, as the name may hold any sign.
    return f"{State.HELD}|{sha256(run.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}|{turn:08d}"


def line(destination: str, group: str) -> str:
    """Spell where the line of a destination's group begins: its deliveries follow in order."""
    return f"{destination}|{sha256(group.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}|"


def line_place(delivery: Delivery) -> str:
    """Spell a delivery's place in the line of its group."""
    return f"{line(delivery.destination, delivery.group or '')}{delivery.order:020d}"


def delivery_from(row: Mapping[str, Any]) -> Delivery:
    """Read a delivery from its row."""
    return Delivery(
        id=row["_id"],
        event=row["event"],
        receipt=row["receipt"],
        destination=row["destination"],
        body=restored(row["body"]),
        order=row["order"],
        state=State(row["state"]),
        ready_at=row.get("ready_at"),
        scope=row.get("scope"),
        claims=row["claims"],
        failures=row["failures"],
        generation=row["generation"],
        group=row.get("group"),
        run=row.get("run"),
        turn=row.get("turn", 0),
        admitted_at=row.get("admitted_at"),
        silent=row.get("silent", 0),
        pauses=row.get("pauses", 0),
        solo=row.get("solo", False),
        rung=row.get("rung", 0),
        attempt=row.get("attempt"),
        reason=row.get("reason"),
        result=restored(row.get("result")),
        holder=row.get("holder"),
        since=row.get("since"),
        replay=restored(row.get("replay")),
        scrubbed=row.get("scrubbed", False),
    )


# MongoDB 4.4 refuses nested names that start with "$", and a dotted name cannot be asked for: both are
# escaped on the way in and come back intact.
_NAME_ESCAPES = (("%", "%25"), ("$", "%24"), (".", "%2E"))


def stored(value: Any) -> Any:
    """Escape the names in a JSON value so that every server can store them."""
    return _renamed(value, _escaped)


def restored(value: Any) -> Any:
    """Give a stored JSON value its own names back."""
    return _renamed(value, _unescaped)


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    # Asked for every leaf of every event: leaves come first, by their exact type.
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, Mapping):
        return {rename(name): _renamed(item, rename) for name, item in value.items()}
    if kind is list or kind is tuple:
        return [_renamed(item, rename) for item in value]
    return value


def _escaped(name: str) -> str:
    if "%" in name or "$" in name or "." in name:
        for plain, escape in _NAME_ESCAPES:
            name = name.replace(plain, escape)
    return name


def _unescaped(name: str) -> str:
    if "%" in name:
        for plain, escape in reversed(_NAME_ESCAPES):
            name = name.replace(escape, plain)
    return name


def ids_of_type(event_type: str, after: str = "") -> Mapping[str, str]:
    """Give the range of the ids of a type's events, and of their deliveries, that follow one ("": all)."""
    prefix = join_key(event_type, [""])
    # ";" comes next to ":", which ends the type. No key consists of the prefix alone.
    return {"$gt": max(after, prefix), "$lt": f"{prefix[:-1]};"}
