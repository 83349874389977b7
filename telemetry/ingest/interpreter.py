"""Serving producers who speak another dialect: what they send becomes ours, and what we say becomes theirs."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal, Protocol

from fastapi import FastAPI, Request, Response

from telemetry.ingest.accept import Result
from telemetry.ingest.dialects.cloudevents import CLOUDEVENTS
from telemetry.ingest.dialects.dialect import Dialect, Head, Posted, Reply, Results, rejected
from telemetry.ingest.dialects.mixpanel import MIXPANEL
from telemetry.ingest.dialects.posthog import POSTHOG
from telemetry.ingest.dialects.segment import SEGMENT
from telemetry.ingest.intake import Intake
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal, busy
from telemetry.ingest.wire import Inflater
from telemetry.runtime.config import IngestLimits
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

DIALECTS = (MIXPANEL, SEGMENT, POSTHOG, CLOUDEVENTS)

# The label of a type that is none of ours, or is not known.
OTHER = "other"
LONGEST_REASON = 300
# The source of a body that would name it and is too large to be read; no added one can be named so.
UNKNOWN = "(unknown)"

Limit = Literal["max_body_bytes", "max_events"]
ReadBody = Callable[[Request, Inflater], Awaitable[bytes]]


class Desk(Protocol):
    """Where events are taken; `intake` is absent while the database is."""

    limits: IngestLimits
    metrics: IngestMetrics
    intake: Intake | None

    async def source_of(self, authorization: str | None) -> str:
        """Name the source of a request; raise Refusal where it is nobody's, or where nobody can tell."""

    def warn_of(self, refusal: Refusal, source: str, said: str) -> None:
        """Warn of a request that is refused for its size."""


def serve_dialects(app: FastAPI, desk: Desk, read_body: ReadBody) -> None:
    """Answer at the paths of each dialect as its own servers would."""
    for dialect in DIALECTS:
        interpreter = Interpreter(dialect, desk, read_body)
        for path in dialect.paths:
            # Their makers describe them: our own description is of what is ours.
            app.add_route(path, interpreter.take, methods=["POST"], include_in_schema=False)


def limit_of(dialect: Dialect, limits: IngestLimits, name: Limit) -> int:
    """Give a limit of a dialect: what the operator says, else what its clients send unasked, if that is more."""
    ours: int = getattr(limits, name)
    theirs: int = getattr(dialect, name)
    return ours if name in limits.model_fields_set else max(ours, theirs)


class Interpreter:
    """Takes requests in one dialect."""

    def __init__(self, dialect: Dialect, desk: Desk, read_body: ReadBody) -> None:
        self._dialect = dialect
        self._desk = desk
        self._read_body = read_body
        self._max_body_bytes = limit_of(dialect, desk.limits, "max_body_bytes")
        self._max_events = limit_of(dialect, desk.limits, "max_events")

    async def take(self, request: Request) -> Response:
        """Answer one request."""
        with self._desk.metrics.seconds.time():
            try:
                reply, headers = await self._take(request), dict[str, str]()
            except Refusal as refusal:
                reply, headers = self._dialect.refuse(refusal), refusal.headers
        self._desk.metrics.requests.labels(reply.status).inc()
        return Response(reply.body, reply.status, headers, media_type=reply.kind)

    async def _take(self, request: Request) -> Reply:
        head = Head(request.url.path, request.headers, request.query_params)
        # Where the head says who it is, nobody else's body is read.
        credential = self._dialect.credential(head)
        source = None if credential is None else await self._source([credential])
        try:
            inflater = Inflater(request.headers.get("content-encoding", ""), self._max_body_bytes)
            posted = Posted(head, await self._read_body(request, inflater), self._max_events)
            reading = self._dialect.read(posted)
        except Refusal as refusal:
            self._desk.warn_of(refusal, source or UNKNOWN, f"{self._dialect.name}: {refusal.error}")
            raise
        # What the head says may have been revoked while the body came.
        source = await self._source(reading.credentials if credential is None else [credential])
        results = await self._submit(reading.records, source)
        self._note(results, source)
        return self._dialect.answer(posted, reading, results)

    async def _source(self, credentials: Sequence[str]) -> str:
        try:
            sources = {await self._desk.source_of(f"Bearer {credential}") for credential in credentials}
        except Refusal as refusal:
            error = self._dialect.wants if refusal.status == HTTPStatus.UNAUTHORIZED else refusal.error
            raise Refusal(refusal.status, error, refusal.headers) from None
        if len(sources) > 1:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, f"{self._dialect.wants}; the events of another source are another request's"
            )
        return sources.pop()

    async def _submit(self, records: Sequence[Any], source: str) -> Results:
        events = [record for record in records if record is not None and not isinstance(record, Result)]
        taken = iter(await self._take_in(events, source) if events else ())
        unread = sum(isinstance(record, Result) for record in records)
        self._desk.metrics.events.labels(OTHER, "rejected").inc(unread)
        return [record if record is None or isinstance(record, Result) else next(taken) for record in records]

    async def _take_in(self, events: Sequence[Any], source: str) -> Sequence[Result]:
        if self._desk.intake is None:
            raise busy("ingest waits for the database")
        return await self._desk.intake.take(events, source)

    def _note(self, results: Results, source: str) -> None:
        name, wrong = self._dialect.name, rejected(results)
        if wrong:
            # Some clients are told of none of it, and some tell nobody.
            first = (wrong[0][1].error or "")[:LONGEST_REASON]
            log.warning("ingest.rejected", dialect=name, source=source, events=len(wrong), first=first)
        if unkept := sum(result is None for result in results):
            log.info("ingest.not_kept", dialect=name, source=source, records=unkept)
