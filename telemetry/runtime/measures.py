"""What several daemons measure: one name and one meaning, whichever of them is asked."""

from prometheus_client import CollectorRegistry, Counter, Histogram

# From a post at once to one that waited for a day's outage.
LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 36000, 86400)


def delivery_latency(registry: CollectorRegistry) -> Histogram:
    """Measure from when a fact was received, or was to be told, to when the outside had it."""
    return Histogram(
        "tellonce_delivery_latency_seconds",
        "From received, or due, to delivered",
        ["consumer"],
        registry=registry,
        buckets=LATENCIES,
    )


def suppressed(registry: CollectorRegistry) -> Counter:
    """Count what was kept from being told twice, by what kept it.

    `resubmitted`: a producer sent it again. `offered_again`: it was in the queue. `nonce`: a post was repeated under
    its nonce. `echo`, `receipt`, `sibling`, `history`: the message, or what settled it, was seen before a repeat.
    Who counts begins each of its causes with 0: what begins with 1 has not risen.
    """
    return Counter(
        "tellonce_suppressed", "Repeats that became no second telling, by what kept them", ["cause"], registry=registry
    )
