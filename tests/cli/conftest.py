"""A directory of one's own, and an environment that says nothing."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_log: None) -> Path:
    """An empty directory to work in, with no settings."""
    for name in os.environ:
        if name.startswith(("TELLONCE_", "DISCORD_")) and not name.startswith("TELLONCE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environ(mongodb_uri: str, database: str) -> dict[str, str]:
    """Settings that name a database of the test's own."""
    return {"TELLONCE_MONGODB_URI": mongodb_uri, "TELLONCE_DATABASE": database}
