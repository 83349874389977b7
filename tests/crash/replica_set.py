"""Three `mongod` processes that make a replica set, with so short an oplog that history is lost."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

NAME, MEMBERS, OPLOG_MIB = "proof", 3, 8
START_SECONDS = 60_000


class ReplicaSet:
    """The members, by port."""

    def __init__(self, program: str, folder: Path, ports: Sequence[int]) -> None:
        self._program = program
        self._folder = folder
        self._ports = ports
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def uri(self) -> str:
        """How to connect."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"mongodb://{hosts}/?replicaSet={NAME}"

    @property
    def configuration(self) -> dict[str, Any]:
        """What the members are told of each other: elections within seconds."""
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self._ports)]
        return {"_id": NAME, "members": members, "settings": {"electionTimeoutMillis": 2000}}

    def arguments(self, port: int) -> list[str]:
        """Spell the command of one member."""
        options = {
            "--port": str(port),
            "--bind_ip": "127.0.0.1",
            "--dbpath": str(self._folder / str(port)),
            "--logpath": str(self._folder / f"{port}.log"),
            "--replSet": NAME,
            "--oplogSize": str(OPLOG_MIB),
            "--wiredTigerCacheSizeGB": "0.25",
        }
        return [self._program, "--logappend", *(word for pair in options.items() for word in pair)]

    def start(self, port: int) -> None:
        """Start a member."""
        (self._folder / str(port)).mkdir(parents=True, exist_ok=True)
        self._processes[port] = subprocess.Popen(self.arguments(port), stdout=subprocess.DEVNULL)  # noqa: S603

    def kill(self, port: int) -> None:
        """Kill a member without a word."""
        process = self._processes.pop(port, None)
        if process is not None:
            process.kill()
            process.wait()

    def initiate(self) -> None:
        """Make a set of the members, and wait for a primary."""
        first = f"mongodb://127.0.0.1:{self._ports[0]}/?directConnection=true"
        with MongoClient[dict[str, Any]](first, serverSelectionTimeoutMS=START_SECONDS) as client:
            client.admin.command("replSetInitiate", self.configuration)
        with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=START_SECONDS) as client:
            client.admin.command("ping")

    def end(self) -> None:
        """Leave no process behind."""
        for port in list(self._processes):
            self.kill(port)


@contextmanager
def start_replica_set(program: str, folder: Path) -> Iterator[ReplicaSet]:
    """Run a replica set in a folder for as long as this is entered."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(MEMBERS)]
        ports = [each.getsockname()[1] for each in sockets]
    members = ReplicaSet(program, folder, ports)
    try:
        for port in ports:
            members.start(port)
        members.initiate()
        yield members
    finally:
        members.end()
