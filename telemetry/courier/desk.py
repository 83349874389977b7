"""What the lanes of one courier share."""

from dataclasses import dataclass, field
from random import Random

import anyio

from telemetry.core.carrier import Carrier
from telemetry.core.clock import Clock
from telemetry.courier.metrics import CourierMetrics
from telemetry.courier.publishing import Publishing
from telemetry.courier.solitude import Solitude
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempts
from telemetry.store.claims import Claims
from telemetry.store.completions import Completions
from telemetry.store.deliveries import Deliveries
from telemetry.store.lanes import Lanes
from telemetry.store.pauses import Halts

# Rows with this scope were parked with their destination and come back with it.
DESTINATION_SCOPE = "destination"


@dataclass
class Desk:
    """What all lanes of one courier share."""

    consumer: str
    carrier: Carrier
    claims: Claims
    queue: Deliveries
    lanes: Lanes
    halts: Halts
    attempts: Attempts
    completions: Completions
    publishing: Publishing
    clock: Clock
    chance: Random
    settings: Settings
    metrics: CourierMetrics
    holder: str
    solitude: Solitude = field(default_factory=Solitude)
    stopping: anyio.Event = field(default_factory=anyio.Event)
