"""How a trial of the file's key policies is shown: counts, a few samples, and what cannot be known."""

from collections.abc import Sequence

from telemetry.cli.keys import spelt
from telemetry.cli.printing import console, count, moment, say, show_json, table
from telemetry.core.shadow import Sample, Seen, Shadow

NUMBERS = ("events", "told now", "told then", "suppressed", "split", "refused", "taken")
CONTRADICTED = (
    "the last other body that came under the key differs in a part of the new key, so it would have been told"
)
BLIND = "the producer's `insert_id` is not stored, so nothing can be said here: try it on a file of what is sent"


def answer_trial(shadows: Sequence[Shadow], notes: Sequence[str], history: str, *, as_json: bool) -> None:
    """Show what a trial came to, and what it cannot say."""
    if as_json:
        show_json({"history": history, "types": [_plain(shadow) for shadow in shadows], "notes": notes})
        return
    if shadows:
        rows = [(one.type, spelt(one.before), spelt(one.after), *_numbers(one).values()) for one in shadows]
        columns = ("type", "in force", "in the file", *NUMBERS)
        console().print(table(f"The file's keys on {history}", columns, rows, right=NUMBERS))
    else:
        say(f"nothing to try on {history}: no key differs of a type that is in it")
    for shadow in shadows:
        for sample in shadow.samples:
            say(f"{shadow.type}: {_told(sample)}")
        if shadow.contradicted:
            say(f"{shadow.type}: {count(shadow.contradicted, 'fact')}: {CONTRADICTED}")
        if shadow.blind:
            say(f"{shadow.type}: {BLIND}")
    for note in notes:
        say(note)


def _numbers(shadow: Shadow) -> dict[str, int]:
    told = (shadow.facts, shadow.facts_after, shadow.suppressed, shadow.split, shadow.refused.total(), shadow.taken)
    return dict(zip(NUMBERS, (shadow.events, *told), strict=True))


def _told(sample: Sample) -> str:
    event, differs = sample.event, f"; different: {', '.join(sample.differs)}" if sample.differs else ""
    match sample.came:
        case "suppressed":
            return f"suppressed: {_named(event)}, by {_named(sample.first)}, both {event.after}{differs}"
        case "split":
            return (
                f"split: {_named(event, new=True)}, from {_named(sample.first, new=True)}, both {event.before}{differs}"
            )
        case "refused":
            return f"refused: {_named(event)}: {event.why}"


def _named(seen: Seen | None, *, new: bool = False) -> str:
    if seen is None:
        return "one that is gone by now"
    key = (seen.after or "one refused then") if new else (seen.before or "one refused now")
    where = ", ".join(filter(None, (seen.place, moment(seen.at))))
    return f"{key} ({where})" if where else key


def _plain(shadow: Shadow) -> dict[str, object]:
    numbers = {name.replace(" ", "_"): number for name, number in _numbers(shadow).items()}
    return {
        "type": shadow.type,
        "in_force": shadow.before and shadow.before.spelling,
        "in_the_file": shadow.after.spelling,
        **numbers,
        "groups": shadow.groups,
        "refused_by_field": dict(shadow.refused),
        "refused_anyway": shadow.keyless,
        "contradicted": shadow.contradicted,
        "known": not shadow.blind,
        "samples": [_plain_sample(sample) for sample in shadow.samples],
    }


def _plain_sample(sample: Sample) -> dict[str, object]:
    seen = {"event": sample.event, "first": sample.first}
    told = {
        name: one and {"before": one.before, "after": one.after, "at": one.at, "place": one.place or None}
        for name, one in seen.items()
    }
    return {"came": sample.came, "differs": sample.differs, "why": sample.event.why or None, **told}
