"""How any daemon lives and dies: its settings, its configuration, its log and its health."""
