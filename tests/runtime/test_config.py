from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from telemetry.core.errors import ConfigurationError
from telemetry.core.key import KeyPolicy
from telemetry.runtime.config import load_config, parse_config

CONSUMERS = ("discord", "webhook")
TABLES = "alerts, canary, discord, ingest, schedules, types, webhook"


def complaint(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_config(text, "here.toml", CONSUMERS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_file_the_four_built_in_types_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config()
    assert {"sign_up", "extension_published", "release_published", "badge_awarded"} == set(config.types)
    assert KeyPolicy(("properties.name", "properties.version")) == config.types["extension_published"].key
    assert config.types["sign_up"].remember is None
    assert {} == config.section("discord")


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.toml: cannot be read: No such file.*TELLONCE_CONFIG"):
        load_config(tmp_path / "gone.toml")


def test_a_file_that_is_not_text_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(ConfigurationError, match="expected UTF-8 text, not byte 2"):
        load_config(path)


def test_the_example_at_the_root_is_valid() -> None:
    config = load_config(Path(__file__).parents[2] / "tellonce.toml")
    assert load_config(Path("/dev/null")).types == config.types
    assert load_config(Path("/dev/null")).ingest == config.ingest


def test_a_built_in_type_may_be_changed_in_one_entry() -> None:
    policy = parse_config('[types.sign_up]\nremember = "90d"').types["sign_up"]
    assert (KeyPolicy(("distinct_id",)), timedelta(days=90)) == (policy.key, policy.remember)


def test_a_type_may_be_counted_per_occurrence_and_remembered_for_hours() -> None:
    policy = parse_config('[types.click]\nkey = "per occurrence"\nremember = "36h"').types["click"]
    assert (KeyPolicy(()), timedelta(hours=36)) == (policy.key, policy.remember)


def test_a_consumer_gets_its_section_as_it_was_written() -> None:
    config = parse_config('[discord.channels]\na = "1"', consumers=CONSUMERS)
    assert {"channels": {"a": "1"}} == config.section("discord")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "here.toml: not TOML: Invalid value (at end of document)"),
        ("a = [" + "[" * 5000, "here.toml: not TOML: nested too deeply"),
        (
            "[type.x]",
            f'type: unknown entry; expected {TABLES}; did you mean "types"?',
        ),
        (
            "[discrod]",
            f'discrod: unknown entry; expected {TABLES}; did you mean "discord"?',
        ),
        ("discord = 3", "discord: expected a table, not 3"),
        ("[types]\nx = 3", "types.x: expected a table"),
        ('[types.""]', 'types."": expected the name of an event type'),
        ("[types.x]", "types.x.key: required, but missing"),
        (
            '[types."a b"]\nkee = 1',
            'types."a b".kee: unknown entry; expected key, payload, remember; did you mean "key"?',
        ),
        ('[types.x]\nkey = "per ocurrence"', "not 'per ocurrence'; did you mean \"per occurrence\"?"),
        ('[types.x]\nkey = ["distinct_di"]', "not 'distinct_di'; did you mean \"distinct_id\"?"),
        ("[types.x]\nkey = []", 'types.x.key: expected a list of fields or "per occurrence", not []'),
        ("[types.x]\nkey = [1]", 'types.x.key: expected a list of fields or "per occurrence", not [1]'),
        ('[types.sign_up]\nremember = "12h"', 'types.sign_up.remember: expected at least one day, not "12h"'),
        ('[types.sign_up]\nremember = "foreve"', 'not "foreve"; did you mean "forever"?'),
        (
            '[types.x]\nkey = ["distinct_id"]\nremember = "36h"\npayload = "2d"',
            "types.x.payload: expected at most remember (36h), not 2d",
        ),
        ("[types.sign_up]\nremember = 90", 'expected "forever", or days or hours as in "90d", not 90'),
        ('[ingest]\nunknown_types = "bodi"', "expected 'refuse' or 'body', not \"bodi\"; did you mean \"body\"?"),
        ('[ingest]\nmax_events = "9"', 'ingest.max_events: expected a valid integer, not "9"'),
        ("[ingest]\nmax_events = 0", "ingest.max_events: expected greater than or equal to 1, not 0"),
        ("[ingest]\nmax_body_bytes = 10", "ingest.max_event_bytes: expected at most max_body_bytes (10), not 65536"),
    ],
)
def test_a_mistake_is_named_in_one_line(text: str, said: str) -> None:
    assert said in complaint(text)


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config("")
    with pytest.raises(ValidationError, match="frozen"):
        config.source = "other"  # type: ignore[misc]
