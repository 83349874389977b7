"""Audiences to tell."""

from collections.abc import Sequence

from telemetry.store.client import Connection


async def an_audience(connection: Connection, name: str, members: Sequence[str]) -> None:
    n = await connection["stub_audiences"].count_documents({"name": name})
    await connection["stub_audiences"].insert_one({"name": name, "version": n + 1, "members": list(members)})
