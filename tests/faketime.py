"""Where a daemon's calendar can be made wrong: Debian's libfaketime."""

from pathlib import Path

_LIBRARIES = [Path(f"/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1") for machine in ("x86_64", "aarch64")]
FAKETIME = next((path for path in _LIBRARIES if path.exists()), None)


def wrong_calendar(**how: str) -> dict[str, str]:
    """Give the environment of a process whose calendar alone is wrong: no host's monotonic clock ever jumps."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_DONT_FAKE_MONOTONIC": "1", **how}
