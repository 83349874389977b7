"""The protocols of other producers' clients: what they send in our words, and our results in theirs. Pure."""
