"""Reading events to send, in whatever form they come."""

import io
import json
from pathlib import Path

import pytest

from telemetry.cli.reading import BATCH_BYTES, batches, opened_file, read_lines
from telemetry.core.errors import ConfigurationError

ONE = {"event": "sign_up", "distinct_id": "u1"}
OTHER = {"event": "sign_up", "distinct_id": "u2", "properties": {"note": "zwölf"}}


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(ONE)}\n{json.dumps(OTHER)}\n",
        f"\n{json.dumps(ONE)}\n\n{json.dumps(OTHER)}",
        f"\ufeff{json.dumps(ONE)}\r\n{json.dumps(OTHER)}\r\n",
        json.dumps([ONE, OTHER]),
        json.dumps([ONE, OTHER], indent=2),
        json.dumps({"events": [ONE, OTHER]}),
        json.dumps({"events": [ONE, OTHER]}, indent=2),
    ],
)
def test_every_usual_form_is_read(text: str) -> None:
    assert [json.loads(line.text) for line in read_lines(io.StringIO(text))] == [ONE, OTHER]


def test_one_object_over_several_lines_is_one_event() -> None:
    assert [json.loads(line.text) for line in read_lines(io.StringIO(json.dumps(ONE, indent=2)))] == [ONE]


def test_nothing_is_no_events() -> None:
    assert list(read_lines(io.StringIO(""))) == []
    assert list(read_lines(io.StringIO("[]"))) == []


def test_a_line_that_is_not_json_is_told_by_its_number_and_the_others_go_on() -> None:
    lines = list(read_lines(io.StringIO(f"{json.dumps(ONE)}\n{{oops}}\n{json.dumps(OTHER)}\n")))

    assert [line.number for line in lines if line.wrong] == [2]
    assert len(lines) == 3


def test_a_line_is_told_by_its_number_in_the_file() -> None:
    lines = list(read_lines(io.StringIO(f"\n \n{json.dumps(ONE)}\n\n{{oops}}\n")))

    assert [(3, False), (5, True)] == [(line.number, bool(line.wrong)) for line in lines]


def test_a_line_that_is_not_utf_8_is_told_and_not_sent_as_another(tmp_path: Path) -> None:
    spoilt = json.dumps(ONE).encode().replace(b"u1", b"u\xff")
    (tmp_path / "lines").write_bytes(b"\n".join([json.dumps(OTHER, ensure_ascii=False).encode(), spoilt]))
    (tmp_path / "whole").write_bytes(b"[%s,%s]" % (json.dumps(ONE).encode(), spoilt))

    for name in ("lines", "whole"):
        with opened_file(tmp_path / name) as source:
            assert ["", "not text in UTF-8"] == [line.wrong for line in read_lines(source)]


DEEP = '{"a":' * 100_000


@pytest.mark.parametrize("text", [f"{json.dumps(ONE)}\n{DEEP}\n", f"{DEEP}1{'}' * 100_000}\n{json.dumps(ONE)}\n"])
def test_a_line_that_is_nested_without_end_is_told_as_any_other_that_is_wrong(text: str) -> None:
    assert ["", "nested too deep"] == sorted(line.wrong for line in read_lines(io.StringIO(text)))


def test_a_document_that_is_nested_without_end_is_one_error() -> None:
    with pytest.raises(ConfigurationError, match="nested too deep"):
        list(read_lines(io.StringIO("[" * 100_000)))


def test_what_is_no_json_at_all_is_one_error() -> None:
    with pytest.raises(ConfigurationError, match="neither JSON nor"):
        list(read_lines(io.StringIO("hello\nworld\n")))


def test_batches_are_limited_by_number_and_by_size() -> None:
    small = "".join(f'{{"n": {n}}}\n' for n in range(1200))
    large = "".join(json.dumps({"n": "x" * (BATCH_BYTES // 3)}) + "\n" for _ in range(5))

    assert [len(batch) for batch in batches(read_lines(io.StringIO(small)))] == [500, 500, 200]
    assert [len(batch) for batch in batches(read_lines(io.StringIO(large)))] == [2, 2, 1]


def test_a_stream_is_read_no_further_than_the_batch_that_is_sent() -> None:
    source = io.StringIO("".join(f'{{"n": {n}}}\n' for n in range(100_000)))

    next(batches(read_lines(source)))

    assert source.tell() < 20_000
