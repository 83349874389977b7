"""Handlers: functions of the user's own that are called for events, each one more consumer."""

from consumers.handler.context import Context
from consumers.handler.emission import EmitError
from consumers.handler.occasion import Occasion
from consumers.handler.registration import Reject, on

__all__ = ["Context", "EmitError", "Occasion", "Reject", "on"]
