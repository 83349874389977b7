"""MongoDB's wire protocol, as far as a bystander must read it to name what passes."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson

HEADER = struct.Struct("<iiii")  # length, request, response to, operation
OP_MSG = 2013
DOCUMENT, SEQUENCE = 0, 1
# Talk about the connection, and waiting: how often they come depends on time alone.
SMALL_TALK = frozenset({"hello", "ismaster", "isMaster", "ping", "getMore", "killCursors", "endSessions"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it passed, in either direction."""

    raw: bytes
    request: int
    answers: int
    operation: int

    def documents(self) -> list[Mapping[str, Any]]:
        """Decode its documents: the command or answer first, then the first of each sequence."""
        if self.operation != OP_MSG:
            return []
        found: list[Mapping[str, Any]] = []
        at = HEADER.size + 4
        while at < len(self.raw) and self.raw[at] in (DOCUMENT, SEQUENCE):
            size = int.from_bytes(self.raw[at + 1 : at + 5], "little")
            start = at + 1
            if self.raw[at] == SEQUENCE:
                start = self.raw.index(0, at + 5) + 1
            length = int.from_bytes(self.raw[start : start + 4], "little")
            found.append(bson.decode(self.raw[start : start + length]))
            at += 1 + size
        return found

    def renamed(self, names: Mapping[str, str]) -> "Message":
        """Give a server's word about its replica set with other addresses in it; any other message as it is."""
        if self.operation != OP_MSG or b"\x04hosts\0" not in self.raw:
            return self
        told = dict(self.documents()[0])
        for field in ("hosts", "passives", "arbiters"):
            if field in told:
                told[field] = [names.get(host, host) for host in told[field]]
        for field in ("me", "primary"):
            if field in told:
                told[field] = names.get(told[field], told[field])
        start = HEADER.size + 4
        body = self.raw[start - 4 : start + 1] + bson.encode(told)
        head = HEADER.pack(HEADER.size + len(body), self.request, self.answers, self.operation)
        return Message(head + body, self.request, self.answers, self.operation)


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Read the next message; None at the end of the connection."""
    try:
        head = await reader.readexactly(HEADER.size)
        length, request, answers, operation = HEADER.unpack(head)
        return Message(head + await reader.readexactly(length - HEADER.size), request, answers, operation)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def exchange_of(message: Message) -> str:
    """Name what a request is about, as "command collection"; "" for talk that does not repeat."""
    documents = message.documents()
    if not documents:
        return ""
    name, about = next(iter(documents[0].items()))
    if name in SMALL_TALK or _renews_a_lease(about, documents):
        return ""
    return f"{name} {about}" if isinstance(about, str) else str(name)


def transaction_of(message: Message) -> list[Any]:
    """Name the session of the transaction that a request begins, if it begins one."""
    if b"startTransaction\0" not in message.raw:
        return []
    return [told["lsid"] for told in message.documents()[:1] if told.get("startTransaction")]


def _renews_a_lease(about: object, documents: list[Mapping[str, Any]]) -> bool:
    # Taking the lease is an exchange like any other; keeping it comes as often as the clock says.
    return about == "leases" and any("epoch" in document.get("q", {}) for document in documents[1:])
