"""What a description in JSON Schema cannot say of a submission, for whoever makes some up from it."""

import json
from typing import Any

import schemathesis
from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
EVENTS = st.fixed_dictionaries({"event": NAMES, "distinct_id": NAMES}, optional={"insert_id": NAMES})


def spelt(events: list[Any]) -> bytes:
    return "\n".join(json.dumps(event) for event in events).encode()


schemathesis.openapi.media_type("application/x-ndjson", st.lists(EVENTS, min_size=1, max_size=5).map(spelt))


@schemathesis.hook
def filter_case(_: Any, case: schemathesis.Case[Any]) -> bool:
    """Leave out what is to be told in more than ten years from now, whenever that is."""
    return not any(far(event.get("deliver_at")) for event in events_of(case.body) if isinstance(event, dict))


def events_of(body: Any) -> list[Any]:
    inside = body.get("events", [body]) if isinstance(body, dict) else body
    return inside if isinstance(inside, list) else []


def far(deliver_at: Any) -> bool:
    if isinstance(deliver_at, str):
        return deliver_at[:4] > "2035"
    # Seconds, or milliseconds.
    is_number = isinstance(deliver_at, (int, float))
    return is_number and deliver_at > 2_000_000_000 and not 20_000_000_000 < deliver_at < 2_000_000_000_000
