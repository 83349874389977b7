"""Kill every daemon at every message it exchanges, and judge from outside what came of it."""
