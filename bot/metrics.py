"""What the bot counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from telemetry.runtime.measures import delivery_latency, suppressed


class BotMetrics:
    """Metrics of one bot process, on a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tries = Counter(
            "tellonce_discord_tries", "Posts tried, by what they came to", ["outcome"], registry=registry
        )
        self.delivered = Counter("tellonce_discord_delivered", "Deliveries that Discord has", ["by"], registry=registry)
        self.blocked = Counter("tellonce_discord_blocks", "Times a channel was blocked", registry=registry)
        self.stale = Counter(
            "tellonce_discord_stale_records", "Tries given up before the first byte", registry=registry
        )
        self.channels = Gauge("tellonce_discord_channels_active", "Channels being posted to", registry=registry)
        self.openings = Counter(
            "tellonce_discord_direct_openings", "Direct messages opened, by outcome", ["outcome"], registry=registry
        )
        self.suppressed = suppressed(registry)
        for cause in ("nonce", "echo", "receipt", "sibling", "history"):
            self.suppressed.labels(cause)
        self.latency = delivery_latency(registry).labels("discord")
