"""The delivery protocol at small size, explored to the last state."""
