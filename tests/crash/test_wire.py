"""What passes is read as it is, and passed on as it was."""

import struct
from typing import Any

import bson
import pytest

from tests.crash.wire import HEADER, OP_MSG, Message, exchange_of, transaction_of


def message(*documents: dict[str, Any], sequence: str = "updates") -> Message:
    head, *rest = documents
    body = struct.pack("<I", 0) + b"\0" + bson.encode(head)
    if rest:
        listed = sequence.encode() + b"\0" + b"".join(map(bson.encode, rest))
        body += b"\1" + struct.pack("<i", len(listed) + 4) + listed
    raw = HEADER.pack(HEADER.size + len(body), 7, 3, OP_MSG) + body
    return Message(raw, 7, 3, OP_MSG)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ([{"insert": "events", "$db": "t"}, {"_id": "a"}], "insert events"),
        ([{"update": "events", "$db": "t"}, {"q": {"_id": "a"}, "u": {}}], "update events"),
        ([{"aggregate": "events", "pipeline": []}], "aggregate events"),
        ([{"update": "leases", "$db": "t"}, {"q": {"_id": "watcher", "until": {}}, "u": {}}], "update leases"),
        ([{"update": "leases", "$db": "t"}, {"q": {"_id": "watcher", "epoch": 3}, "u": {}}], ""),
        ([{"getMore": 5, "collection": "events"}], ""),
        ([{"hello": 1}], ""),
        ([{"buildInfo": 1}], "buildInfo"),
    ],
)
def test_an_exchange_is_named_by_its_command_and_collection(asked: list[dict[str, Any]], named: str) -> None:
    assert named == exchange_of(message(*asked))


def test_the_session_of_a_transaction_is_known_from_where_it_begins() -> None:
    asked: dict[str, Any] = {"insert": "deeds", "$db": "t", "lsid": {"id": 7}, "txnNumber": 1}
    assert [{"id": 7}] == transaction_of(message(asked | {"startTransaction": True}, {"_id": "a"}))
    assert [] == transaction_of(message(asked, {"_id": "a"}))


def test_a_server_that_tells_of_its_members_is_made_to_name_the_proxies() -> None:
    told = {"ok": 1, "hosts": ["a:1", "b:2"], "me": "a:1", "primary": "b:2", "setName": "s"}
    renamed = message(told).renamed({"a:1": "127.0.0.1:11", "b:2": "127.0.0.1:12"})
    (document,) = renamed.documents()
    assert (
        told | {"hosts": ["127.0.0.1:11", "127.0.0.1:12"], "me": "127.0.0.1:11", "primary": "127.0.0.1:12"} == document
    )
    assert len(renamed.raw) == HEADER.unpack(renamed.raw[: HEADER.size])[0]


def test_what_is_not_about_members_passes_as_it_was() -> None:
    plain = message({"ok": 1, "n": 1})
    assert plain is plain.renamed({"a:1": "b:2"})
