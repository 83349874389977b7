"""Processes as the kernel shows them."""

from pathlib import Path


def command_lines(parent: int) -> dict[int, str]:
    """Give the living descendants of a process, with their command lines."""
    parents = {pid: above for pid in _all() if (above := _parent(pid)) is not None}
    found: dict[int, str] = {}
    for pid in parents:
        above, line = parents.get(pid), _line(pid)
        while above is not None and above != parent:
            above = parents.get(above)
        if above == parent and line:
            found[pid] = line
    return found


def alive(pid: int) -> bool:
    """Say whether a process still runs; one that has ended but was not waited for does not."""
    return _parent(pid) is not None


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _parent(pid: int) -> int | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def _line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
