"""The parties that hear of events."""
