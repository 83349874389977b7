from tests.e2e.conftest import open_world, world

__all__ = ["open_world", "world"]
