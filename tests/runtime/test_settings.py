import pytest
from pydantic import ValidationError

from telemetry.core.errors import ConfigurationError
from telemetry.runtime.settings import Settings


def complaint(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.read(environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.read({}, terminal=False)
    assert settings.mongodb_uri is None
    assert settings.config is None
    assert ("127.0.0.1", 8080, "json") == (settings.ingest_host, settings.ingest_port, settings.log_format)


def test_logs_are_for_a_person_where_there_is_a_terminal_unless_said_otherwise() -> None:
    assert Settings.read({}, terminal=True).log_format == "console"
    assert Settings.read({"TELLONCE_LOG_FORMAT": "json"}, terminal=True).log_format == "json"


def test_only_the_mapping_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLONCE_DATABASE", "elsewhere")
    assert Settings.read({}).database == "telemetry"


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.read({"TELLONCE_MONGODB_URI": "", "TELLONCE_LEASE": ""}).lease == 8


def test_what_tests_need_is_none_of_ours() -> None:
    assert Settings.read({"TELLONCE_TEST_MONGODB_URI": "mongodb://x", "PATH": "/bin"})


def test_discords_own_variables_work_without_the_prefix_and_the_prefixed_ones_win() -> None:
    settings = Settings.read({"DISCORD_TOKEN": "a", "TELLONCE_DISCORD_TOKEN": "b", "DISCORD_API_BASE": "http://x"})
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "b"
    assert settings.discord_api_base == "http://x"


def test_keys_are_read_by_source_name() -> None:
    keys = Settings.read({"TELLONCE_INGEST_KEYS": "web:s3:cret, ci:other,"}).ingest_keys
    assert {"web": "s3:cret", "ci": "other"} == {name: key.get_secret_value() for name, key in keys.items()}


def test_no_secret_is_shown() -> None:
    secrets = {
        "TELLONCE_MONGODB_URI": "mongodb://user:hunter2@host",
        "TELLONCE_INGEST_KEYS": "web:hunter2",
        "DISCORD_TOKEN": "hunter2",
    }
    assert "hunter2" not in repr(Settings.read(secrets))
    assert "hunter2" not in complaint(TELLONCE_INGEST_KEYS="hunter2")
    assert "hunter2" not in complaint(TELLONCE_INGEST_KEYS="web:hunter2,app:hunter2")
    assert "hunter2" not in complaint(TELLONCE_MONGODB_URI="user:hunter2@host")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TELLONCE_LEESE", "1", 'TELLONCE_LEESE: unknown variable; did you mean "TELLONCE_LEASE"?'),
        ("TELLONCE_LEASE", "soon", 'TELLONCE_LEASE: expected a valid number, not "soon"'),
        ("TELLONCE_LEASE", "inf", 'TELLONCE_LEASE: expected a finite number, not "inf"'),
        ("TELLONCE_LEASE", "5", "TELLONCE_LEASE_RENEWAL: expected less than half of TELLONCE_LEASE, not 3.5"),
        ("TELLONCE_RECORD_FRESH", "20", "less than TELLONCE_CHANNEL_LEASE minus TELLONCE_REQUEST_TIMEOUT, not 20"),
        ("TELLONCE_FULL_SWEEP_EVERY", "9", "TELLONCE_SWEEP_EVERY: expected at most TELLONCE_FULL_SWEEP_EVERY, not 10"),
        ("TELLONCE_QUEUE_LIMIT", "9", "TELLONCE_COMMIT_MAX: expected at most TELLONCE_QUEUE_LIMIT, not 1000"),
        ("TELLONCE_INGEST_PORT", "65536", 'TELLONCE_INGEST_PORT: expected less than or equal to 65535, not "65536"'),
        ("TELLONCE_LOG_FORMAT", "jsno", "expected 'console' or 'json', not \"jsno\"; did you mean \"json\"?"),
        ("TELLONCE_LOG_LEVEL", "warn", 'did you mean "WARNING"?'),
        ("TELLONCE_DATABASE", "a.b", "TELLONCE_DATABASE: expected up to 63 letters, digits, '_' or '-', not 'a.b'"),
        ("TELLONCE_DIGEST_MAX", "11", "TELLONCE_DIGEST_MAX: expected less than or equal to 10"),
        ("DISCORD_API_BASE", "localhost", "DISCORD_API_BASE: expected an address that starts with http://"),
        ("TELLONCE_INGEST_KEYS", "web:a,b", "TELLONCE_INGEST_KEYS: entry 2 is not of the form name:secret"),
        ("TELLONCE_INGEST_KEYS", "web:", "TELLONCE_INGEST_KEYS: entry 1 (web) has no secret"),
    ],
)
def test_a_bad_variable_is_named_in_one_line(name: str, value: str, said: str) -> None:
    assert said in complaint(**{name: value})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_ingest_may_be_open_to_this_machine_only(host: str) -> None:
    Settings.read({"TELLONCE_INGEST_HOST": host}).require_ingest_keys()


def test_ingest_is_not_open_to_all_by_mistake() -> None:
    with pytest.raises(ConfigurationError, match=r"TELLONCE_INGEST_KEYS: required on 0\.0\.0\.0"):
        Settings.read({"TELLONCE_INGEST_HOST": "0.0.0.0"}).require_ingest_keys()  # noqa: S104 - that is the point
    Settings.read({"TELLONCE_INGEST_HOST": "::", "TELLONCE_INGEST_KEYS": "a:b"}).require_ingest_keys()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.read({}).lease = 1  # type: ignore[misc]
