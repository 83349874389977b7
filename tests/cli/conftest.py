"""A directory of one's own, and an environment that says nothing."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A log that is as it was afterwards: a daemon's verb sets it up for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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
