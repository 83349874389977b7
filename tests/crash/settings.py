"""What the daemons of a world are told by their environment."""

# Leases and windows short enough to be waited for; everything that a timer would repeat is left to the strike's own.
BRISK = {
    "TELLONCE_LEASE": "2",
    "TELLONCE_LEASE_RENEWAL": "0.8",
    "TELLONCE_SWEEP_EVERY": "1",
    "TELLONCE_CHANNEL_LEASE": "3",
    "TELLONCE_RECORD_FRESH": "1.2",
    "TELLONCE_REQUEST_TIMEOUT": "1.5",
    "TELLONCE_HISTORY_SETTLE": "0.3",
    "TELLONCE_BOT_POLL": "1",
    "TELLONCE_LOG_FORMAT": "json",
    "TELLONCE_INGEST_PORT": "0",
    "TELLONCE_WATCH_PORT": "0",
    "TELLONCE_BOT_PORT": "0",
    "TELLONCE_COURIER_LEASE": "3",
    "TELLONCE_CARRY_TIMEOUT": "1.5",
    "TELLONCE_COURIER_POLL": "1",
    "TELLONCE_COURIER_REST": "0.3",
    "TELLONCE_COURIER_PORT": "0",
    "TELLONCE_RUN_RATE": "6000",
    "TELLONCE_WEBHOOK_ALLOW": "127.0.0.0/8",
    "TELLONCE_WEBHOOK_SCHEDULE": "0.2s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s",
}
# Timers would add exchanges that depend on how fast this machine is.
PATIENT = {"TELLONCE_SWEEP_EVERY": "300", "TELLONCE_BOT_POLL": "300", "TELLONCE_COURIER_POLL": "300"}
