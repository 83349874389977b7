"""How much is measured."""

from dataclasses import dataclass

SECTIONS = ("ingest", "dispatch", "latency", "cost", "memory")


@dataclass(frozen=True)
class Plan:
    """The sizes of a run: the whole benchmark's, unless told otherwise."""

    rounds: int = 3
    single: int = 300  # events a round, one a request, one client
    single_many: int = 3000
    batches: int = 5000
    batches_many: int = 10_000
    backlog: int = 10_000
    latency_seconds: float = 10
    alone: int = 10
    cost_backlog: int = 2000
    idle_seconds: float = 20
    memory_small: int = 10_000
    memory_large: int = 100_000


def quick() -> Plan:
    """Measure a little of everything: it shows that the benchmark works, not how fast anything is."""
    return Plan(
        rounds=1,
        single=30,
        single_many=300,
        batches=1000,
        batches_many=3200,
        backlog=500,
        latency_seconds=3,
        alone=10,
        cost_backlog=300,
        idle_seconds=5,
        memory_small=300,
        memory_large=1500,
    )
