"""The client: patient, safe to repeat, and exact about what became of each event."""

import json
from pathlib import Path

import pytest

from telemetry.cli import posting
from telemetry.core.backoff import Backoff
from tests.cli.script import an_ingest, results
from tests.cli.terminal import tellonce

BUSY = (503, {"Retry-After": "0"}, {"error": "full"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hardly at all between tries."""
    monkeypatch.setattr(posting, "BACKOFF", Backoff(first=0.01, cap=0.01))


def test_one_event_is_sent_from_arguments() -> None:
    with an_ingest() as ingest:
        words = "send sign_up u42 plan=pro seats:=3 --time 2026-01-31T12:00:00Z --insert-id i1"
        said = tellonce(*words.split(), "--url", ingest.url, "--key", "secret")

    assert (said.code, said.out) == (0, "1 accepted\n")
    assert ingest.bodies == [
        [
            {
                "event": "sign_up",
                "distinct_id": "u42",
                "time": "2026-01-31T12:00:00Z",
                "insert_id": "i1",
                "properties": {"plan": "pro", "seats": 3},
            }
        ]
    ]
    assert ingest.keys == ["Bearer secret"]


def test_one_that_is_to_be_told_later_is_sent_with_its_time_and_revision() -> None:
    with an_ingest([results("accepted", note="deliver_at is past: it is told at once")]) as ingest:
        words = "send sign_up u42 --deliver-at 2026-01-31T12:00:00Z --revision 2"
        said = tellonce(*words.split(), "--url", ingest.url)

    assert ingest.bodies == [
        [{"event": "sign_up", "distinct_id": "u42", "deliver_at": "2026-01-31T12:00:00Z", "revision": 2}]
    ]
    assert (said.code, said.out) == (0, "1 accepted\nevent 1: deliver_at is past: it is told at once\n")


def test_a_file_is_sent_in_batches(bare: Path) -> None:
    (bare / "events.json").write_text(json.dumps([{"event": "e", "distinct_id": str(n)} for n in range(1100)]))

    with an_ingest() as ingest:
        said = tellonce("send", "--file", "events.json", "--url", ingest.url, "--json")

    counted = {name: number for name, number in said.value.items() if number}
    assert {"accepted": 1100} == counted
    assert [len(body) for body in ingest.bodies] == [500, 500, 100]


def test_a_stream_is_sent_from_stdin() -> None:
    with an_ingest() as ingest:
        said = tellonce("send", "-", "--url", ingest.url, stdin='{"event":"e"}\n{oops}\n{"event":"f"}\n')

    assert said.code == 1
    assert ingest.bodies == [[{"event": "e"}, {"event": "f"}]]
    assert "event 2: rejected: not JSON" in said.err


def test_a_busy_ingest_is_asked_again_with_the_same_events() -> None:
    with an_ingest([BUSY, (429, {}, {}), (500, {}, {})]) as ingest:
        said = tellonce("send", "sign_up", "u1", "--url", ingest.url)

    assert said.code == 0
    assert len(ingest.bodies) == 4
    assert all(body == ingest.bodies[0] for body in ingest.bodies)


def test_retry_after_is_honoured_up_to_the_end_of_patience() -> None:
    with an_ingest([(503, {"Retry-After": "30"}, {})]) as ingest:
        said = tellonce("send", "sign_up", "u1", "--url", ingest.url, "--patience", "10")

    assert said.code == 1
    assert len(ingest.bodies) == 1
    assert "can be sent again, that is safe" in said.err


def test_nobody_there_is_one_line_once_patience_ends() -> None:
    said = tellonce("send", "sign_up", "u1", "--url", "http://127.0.0.1:1", "--patience", "0")

    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "http://127.0.0.1:1/ingest" in said.err


def test_what_was_rejected_or_conflicts_is_named_and_ends_with_1() -> None:
    answer = results("accepted", "conflict", "duplicate", "rejected", error="distinct_id: required")
    with an_ingest([answer]) as ingest:
        said = tellonce("send", "-", "--url", ingest.url, stdin='{"event":"e"}\n' * 4)

    assert said.code == 1
    assert said.out == "1 accepted, 1 duplicate, 1 conflict, 1 rejected\n"
    assert "event 2: conflict" in said.err
    assert "event 4: rejected: distinct_id: required" in said.err


def test_a_batch_that_is_too_large_is_cut_in_halves() -> None:
    with an_ingest([(413, {}, {"error": "too large"})] * 3) as ingest:
        said = tellonce("send", "-", "--url", ingest.url, stdin='{"event":"e"}\n' * 4)

    assert [len(body) for body in ingest.bodies] == [4, 2, 1, 1, 2]
    assert said.out == "3 accepted, 1 rejected\n"


def test_a_refused_key_is_wrong_configuration() -> None:
    with an_ingest([(401, {}, {"error": "who are you"})]) as ingest:
        said = tellonce("send", "sign_up", "u1", "--url", ingest.url)

    assert said.code == 2
    assert "TELLONCE_INGEST_KEY" in said.err


def test_an_address_that_is_not_ingests_is_wrong_configuration() -> None:
    with an_ingest([(404, {}, {"detail": "Not Found"})]) as ingest:
        said = tellonce("send", "sign_up", "u1", "--url", ingest.url)

    assert said.code == 2
    assert "is it the address of ingest?" in said.err


def test_a_file_that_is_not_there_is_one_line() -> None:
    said = tellonce("send", "--file", "nowhere.json")

    assert said.code == 2
    assert said.err == "tellonce: nowhere.json: cannot be read: No such file or directory\n"
