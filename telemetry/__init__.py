"""tellonce: tell every consumer of a fact about it, once."""
