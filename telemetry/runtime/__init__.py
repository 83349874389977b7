"""How any daemon lives and dies."""
