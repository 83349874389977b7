"""Members of an audience, one a line."""

from collections.abc import Callable, Iterable, Iterator

from telemetry.cli.reading import MARK
from telemetry.core.audience import KINDS, UnknownKindError, check_member
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import expected_one_of

COMMENT = "#"


def read_members(source: Iterable[str], where: str, seen: Callable[[int], None]) -> Iterator[str]:
    """Read members, of lines that may be blank or a comment; raise ConfigurationError naming a line that is wrong."""
    read = 0
    for number, line in enumerate(source, 1):
        read += len(line)
        text = line.lstrip(MARK).partition(COMMENT)[0].strip()
        if text:
            yield _member(text, f"{where}:{number}")
        seen(read)


def _member(text: str, place: str) -> str:
    try:
        return check_member(text)
    except UnknownKindError as error:
        raise ConfigurationError(f"{place}: {error}; {expected_one_of(error.kind, KINDS)}") from error
    except ValueError as error:
        raise ConfigurationError(f"{place}: {error}") from error
