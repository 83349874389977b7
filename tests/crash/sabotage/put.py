"""How something is put in the place of what the product does."""

from typing import Any

Args = Any


def put(owner: Any, name: str, function: Any) -> None:
    """Have this process do something else; raise AttributeError where nothing is done by that name."""
    getattr(owner, name)
    setattr(owner, name, function)


def unguard(module: Any, field: str) -> None:
    """Have a module's updates that are guarded by a field match whatever stands there by now."""
    patiently = module.patiently

    async def lax(call: Any, guard: Any, *rest: Args) -> Any:
        guarded = isinstance(guard, dict) and field in guard
        return await patiently(call, {"_id": guard["_id"]} if guarded else guard, *rest)

    put(module, "patiently", lax)
