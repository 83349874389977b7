"""An operator's questions, answered without printing."""
