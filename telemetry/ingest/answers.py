"""What producers are told, in the shapes that the API's description promises."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from telemetry.ingest.accept import Result, Status

TAKEN, TOO_LARGE, INVALID = 202, 413, 422


class ResultAnswer(BaseModel):
    """What became of one submitted event."""

    status: Status
    id: str | None = Field(None, description="The event's key: what makes two submissions the same fact.")
    error: str | None = Field(None, description="What was wrong with it, or what it contradicts.")
    first_received_at: datetime | None = Field(None, description="When the event that has this key was received.")
    differs: list[str] | None = Field(None, description="Names of the fields in which a conflict differs.")
    note: str | None = Field(None, description="What else there is to know, where all is well.")


class IngestAnswer(BaseModel):
    """What became of each submitted event, in the order of the request."""

    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    superseded: int = Field(description="A higher revision stands.")
    too_late: int = Field(description="It is told already, and cannot be revised any more.")
    results: list[ResultAnswer]
    error: str | None = Field(None, description="Where no event is valid: what was wrong with the first.")


class ErrorAnswer(BaseModel):
    """Why nothing of the request was taken."""

    error: str


def answer(results: Sequence[Result]) -> tuple[int, str]:
    """Make the status and the JSON body of an answer."""
    counts = Counter(result.status for result in results)
    status = _status(results)
    # Made of our own values: checking them again would cost more than all the rest of this.
    body = IngestAnswer.model_construct(
        accepted=counts["accepted"],
        duplicates=counts["duplicate"],
        conflicts=counts["conflict"],
        rejected=counts["rejected"],
        superseded=counts["superseded"],
        too_late=counts["too_late"],
        results=[_answer(result) for result in results],
        error=None if status == TAKEN else next((result.error for result in results), "body: no event in it"),
    )
    return status, body.model_dump_json(exclude_none=True)


def _status(results: Sequence[Result]) -> int:
    if any(result.status != "rejected" for result in results):
        return TAKEN
    return TOO_LARGE if results and all(result.too_large for result in results) else INVALID


def _answer(result: Result) -> ResultAnswer:
    return ResultAnswer.model_construct(
        status=result.status,
        id=result.id,
        error=result.error,
        first_received_at=result.first_received_at,
        differs=list(result.differs) or None,
        note=result.note,
    )
