"""What names a person in what was said, and what only looks like it."""

import pytest

from telemetry.core.erasure import redactor, renamed
from telemetry.core.warning import sample_of

KEY = "invite:ada@x.org"
NAMES = {KEY: "erased:1f", "sign_up: ada": "erased:2e"}


@pytest.mark.parametrize(
    ("who", "said", "left"),
    [
        ("ada", "ada asked, and ada's mother (ada).", "erased asked, and erased's mother (erased)."),
        ("ada", "badge:ada:a: another body", "badge:erased:a: another body"),
        ("ada", "see http://x.org/u/ada?x=1", "see http://x.org/u/erased?x=1"),
        ("a:b|c", "sign_up:a%3Ab%7Cc: another body; a:b|c", "sign_up:erased: another body; erased"),
        ("O'Neil\n", 'not "O\'Neil\\n", as', 'not "erased", as'),
        ("李", "sign_up:李: 李 differs", "sign_up:erased: erased differs"),
    ],
)
def test_a_persons_id_is_taken_out_as_a_key_or_a_word(who: str, said: str, left: str) -> None:
    assert left == redactor(who, {})(said)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("ada", "sign_up:ada-2: as ada.l, ada@x.org and x-ada sent it; not adam, nor canada"),
        ("b", "sign_up:a%3Ab: another body"),
        ("Jose", "sign_up:Jose\N{COMBINING ACUTE ACCENT}: another body"),
        ("李", "sign_up:李明: another body"),
    ],
)
def test_what_is_part_of_another_id_stays(who: str, said: str) -> None:
    assert said == redactor(who, {})(said)


def test_a_very_short_id_is_taken_out_only_where_it_stands_as_one() -> None:
    said = "sign_up:a: a body is stored under this key since 2026-01-01; a name, not 'a'"
    assert "sign_up:erased: a body is stored under this key since 2026-01-01; a name, not 'erased'" == redactor(
        "a", {}
    )(said)
    assert "request 17 of 2017" == redactor("17", {})("request 17 of 2017")
    assert "erased" == redactor("17", {})("17")
    assert "badge:erased:5" == redactor("17", {})("badge:17:5")


def test_a_key_that_does_not_hold_the_id_is_named_by_its_tombstone() -> None:
    redact = redactor("ada", NAMES)
    assert "erased:1f: another body is stored" == redact(f"{KEY}: another body is stored")
    assert "erased:1f|discord:1: refused" == redact(f"{KEY}|discord:1: refused")
    assert "as '" + "erased:1f' was wrong" == redact(f"as '{KEY}' was wrong")
    assert "erased:2e: another" == redact("sign_up: ada: another")
    assert f"{KEY}.uk: another" == redact(f"{KEY}.uk: another")


def test_what_was_cut_off_is_known_by_its_beginning() -> None:
    long = "ada-" + "x" * 300
    cut = sample_of(f"sign_up:{long}: another body")
    assert "sign_up:erased…" == redactor(long, {})(cut)
    key = f"invite:{long}"
    assert "erased…" == redactor("ada", {key: "erased:1f"})(sample_of(f"{key}: another body"))
    assert cut == redactor("bob-" + "x" * 300, {})(cut)


def test_a_delivery_and_a_key_are_renamed_alike() -> None:
    assert ["erased:1f|discord:1|2", "erased:1f", "other"] == [
        renamed(name, NAMES) for name in (f"{KEY}|discord:1|2", KEY, "other")
    ]


def test_an_id_that_is_too_long_for_a_key_is_taken_out_all_the_same() -> None:
    assert "sent by erased" == redactor("李" * 256, {})(f"sent by {'李' * 256}")
