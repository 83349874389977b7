"""The table `[alerts]` of the file: where it is, what goes wrong is told, as events of the type `tellonce.alert`.

[alerts]
every = "15m"              # what grows within that time is told once
verify_every = "24h"       # or "never"
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

from telemetry.core.alert import Terms
from telemetry.runtime.config import ALERTS, Config, Table, validated
from telemetry.runtime.span import read_span

NEVER = "never"


def _span_or_never(spelling: Any) -> Any:
    try:
        return None if spelling == NEVER else read_span(spelling)
    except ValueError as error:
        raise ValueError(f'expected "{NEVER}", or {str(error).removeprefix("expected ")}') from None


class AlertsTable(Table):
    """`[alerts]`."""

    every: Annotated[timedelta, BeforeValidator(read_span)] = timedelta(minutes=15)
    verify_every: Annotated[timedelta | None, BeforeValidator(_span_or_never)] = timedelta(hours=24)


def read_alerts(config: Config) -> Terms | None:
    """Read how alerts are told; None where the file asks for none. Raises ConfigurationError."""
    if ALERTS not in config.sections:
        return None
    table = validated(AlertsTable, config.section(ALERTS), config.source, ALERTS)
    return Terms(table.every, table.verify_every)
