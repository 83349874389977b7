"""A copy of a database as a backup holds it, and putting it back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.store.client import Connection


@dataclass(frozen=True)
class Backup:
    """All documents as they were at a moment."""

    began: datetime
    documents: dict[str, list[dict[str, Any]]]


async def back_up(connection: Connection) -> Backup:
    """Copy everything out."""
    began = connection.clock.now()
    names = await connection.database.list_collection_names()
    return Backup(began, {name: await connection[name].find().to_list(None) for name in names})


async def put_back(connection: Connection, backup: Backup) -> None:
    """Let the database hold what the backup does and nothing else; the indexes stay."""
    for name in await connection.database.list_collection_names():
        await connection[name].delete_many({})
        if documents := backup.documents.get(name):
            await connection[name].insert_many(documents)
