"""An ingest that answers as it is told."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Script:
    """The answers to give, in order, and the requests that came; afterwards everything is accepted."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    bodies: list[list[Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def answer(self, body: bytes, key: str | None) -> Answer:
        """Note a request and say what it gets."""
        events = [json.loads(line) for line in body.splitlines()]
        self.bodies.append(events)
        self.keys.append(key)
        return self.answers.pop(0) if self.answers else results(*["accepted"] * len(events))


def results(*statuses: str, error: str = "", note: str = "") -> Answer:
    """Make the answer of an ingest that took a request."""
    said = {"rejected": {"error": error}, "accepted": {"note": note} if note else {}}
    told = [{"status": status, "id": "k"} | said.get(status, {}) for status in statuses]
    return (202 if set(statuses) != {"rejected"} else 422), {}, {"results": told}


@contextmanager
def an_ingest(answers: Sequence[Answer] = ()) -> Iterator[Script]:
    """Listen on a free port."""
    script = Script(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, value = script.answer(body, self.headers.get("Authorization"))
            text = json.dumps(value).encode()
            self.send_response(status)
            for name, content in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, content)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
