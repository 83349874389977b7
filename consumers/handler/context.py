"""What a handler has in hand while it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consumers.handler.emission import Emissions
from consumers.handler.occasion import Occasion
from telemetry.core.carrier import Unit


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler has in hand beside its event."""

    event: Occasion
    id: str  # the same for every try: by it the outside knows a repeat
    attempt: int  # 1 at first; tries that were cut short count too
    database: Any  # the deployment's, as the driver has it
    log: Any
    unit: Unit
    emissions: Emissions

    @property
    def session(self) -> Any:
        """Give the session to write with, so that it stands with the completion or not at all."""
        return self.unit.session

    def emit(
        self,
        event: str,
        *,
        subject: str | int,
        properties: Mapping[str, Any] | None = None,
        deliver_at: datetime | None = None,
    ) -> None:
        """Tell a follow-up event when the handler has completed; raise EmitError for what can never be one."""
        self.emissions.add(event, subject, properties, deliver_at)
