"""Wrong use is told in a line or two, with exit code 2."""

from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from telemetry.cli import main, opening
from telemetry.store.client import connect
from tests.cli.terminal import tellonce

READING = ("status", "verify", "dead", "parked", "indexes", "keys", "consumers", "explain sign_up:u1")
NOWHERE = "mongodb://127.0.0.1:1/"


@pytest.mark.parametrize("words", READING)
def test_a_verb_without_a_database_names_the_setting(words: str) -> None:
    said = tellonce(*words.split())

    assert said.code == 2
    assert said.err.startswith("tellonce: TELLONCE_MONGODB_URI: not set")
    assert said.err.count("\n") == 1


def test_a_database_that_does_not_answer_is_one_line_and_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", partial(connect, patience=0.2))

    said = tellonce("status", TELLONCE_MONGODB_URI=NOWHERE)

    assert said.code == 3
    assert said.err.count("\n") == 1
    assert "tellonce check" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("statsu", "no such verb 'statsu'; did you mean \"status\"?"),
        ("explain", "Missing argument"),
        ("retry", "say what"),
        ("send", "say what"),
        ("send sign_up", "say what"),
        ("send sign_up u1 plan", "'plan': expected name=text"),
        ("send sign_up u1 n:=x", "not JSON"),
        ("send sign_up u1 --file x.json", "not both"),
        ("dead --limit 0", "--limit"),
        ("dead --since 0001-01-01T00:00:00+14:00", "expected a span as in 30m"),
        ("dead --until 9999-12-31T23:59:59-14:00", "expected a span as in 30m"),
        ("pause consumer:discord --until 9999-12-31T23:59:59-14:00", "expected a span as in 30m"),
        ("retry --dead --rate inf", "--rate"),
        ("dead --destination 1122334455", "'1122334455': expected a destination as in discord:1122334455"),
        ("retry --dead --destination discord:", "'discord:': expected a destination"),
        ("restored --since 0001-01-01T00:00:00+14:00", "expected when the backup was begun"),
        ("restored --since 1969-12-31T00:00:00Z", "expected when the backup was begun"),
        ("consumers remove", "Missing argument"),
        ("status --bogus", "No such option"),
        ("up --then ./nothing-here", "--then ./nothing-here: there is no such program"),
    ],
)
def test_wrong_use_is_told_with_exit_code_2(words: str, told: str) -> None:
    said = tellonce(*words.split())

    assert (said.code, said.out) == (2, "")
    assert told in said.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("TELLONCE_MONGODB_URL", "x"), ("TELLONCE_WATCH_PORT", "http"), ("TELLONCE_MONGODB_URI", "postgres://x")],
)
def test_a_wrong_environment_is_one_line_naming_the_variable(name: str, value: str) -> None:
    said = tellonce("status", **{name: value})

    assert said.code == 2
    assert said.err.count("\n") == 1
    assert name in said.err


@pytest.mark.parametrize("verb", ["ingest", "watch", "keys", "check"])
def test_a_broken_file_is_one_line_naming_the_entry(verb: str, bare: Path) -> None:
    (bare / "tellonce.toml").write_text("[types.sign_up]\nkey = 5\n")

    said = tellonce(verb, TELLONCE_MONGODB_URI=NOWHERE)

    assert said.code == 2
    assert said.err.strip().endswith(
        'tellonce.toml: types.sign_up.key: expected a list of fields or "per occurrence", not 5'
    )


def test_without_a_verb_the_verbs_are_listed() -> None:
    said = tellonce("--help")

    assert said.code == 0
    for verb in (*main.VERBS, "bot"):
        assert f"\n  {verb} " in said.out


def test_it_says_its_version() -> None:
    assert tellonce("--version").out == "tellonce 0.1.0\n"


def test_a_verb_of_another_package_that_cannot_be_loaded_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("shiny", "no_such_module:command", main.GROUP)
    monkeypatch.setattr(main, "entry_points", lambda **_: [broken])

    said = tellonce("shiny")

    assert said.code == 2
    assert "no_such_module:command cannot be loaded" in said.err
    assert "(cannot be loaded)" in tellonce("--help").out
