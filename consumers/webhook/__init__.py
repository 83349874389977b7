"""Webhooks: signed requests to endpoints that want to hear of events."""
