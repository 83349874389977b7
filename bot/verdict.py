"""What an answer of Discord means for the messages it was about. Pure: no request is made here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown


class Scope(Enum):
    """How much an outcome is about."""

    MESSAGE = "message"
    CHANNEL = "channel"
    USER = "user"
    DIRECTS = "directs"
    GLOBAL = "global"
    TOKEN = "token"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one try came to, how much that is about, and whether a simpler form may pass."""

    outcome: Outcome
    scope: Scope = Scope.MESSAGE
    reshape: bool = False
    by: str = "answer"  # what told it


# Discord's JSON error codes (API reference, "Opcodes and Status Codes").
UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MESSAGE = 10003, 10004, 10008
GONE = {UNKNOWN_CHANNEL: "channel deleted", UNKNOWN_GUILD: "server gone"}
FORBIDDEN = {
    50001: "the bot cannot see the channel: give it View Channel",
    50013: "a permission is missing: give the bot Send Messages and Embed Links",
    160005: "the thread is locked: unlock it",
    40058: "a forum takes no plain messages: route to a thread in it",
    50008: "this kind of channel takes no messages: route elsewhere",
    220001: "a forum takes no such messages: route to a thread in it",
}
# What is about the user that is written to. Opening answers 50033, and 50007 as well (with status 400 since 2020,
# api-docs#1905); posting answers 403/50007.
UNREACHABLE = {
    10013: "there is no such user",
    50007: "the user takes no direct messages from the bot",
    50033: "there is no such user",
    50278: "the bot shares no server with the user",
}
# Said to openings and to first posts, with 403 and with 400. The documentation lists the first without a status; the
# second, which it does not list, is a bot that was flagged for spam and may not write to anybody new (api-docs#2669).
TOO_FAST = {40003: "direct messages are opened too fast", 20026: "the bot is flagged for spam: appeal to Discord"}
REFUSED_FORMS = frozenset({50035, 50006, 40005})
REFUSED_WORDS = {200000: "stopped by the server's AutoMod", 240000: "stopped by the server's link filter"}
SWITCHED_OFF = frozenset({40004, 40006, 130000})


def judge(answer: Answer | NoAnswer) -> Verdict:
    """Say what an answer means; whatever is not understood is unknown, never guessed."""
    if isinstance(answer, NoAnswer):
        return Verdict(Retry(answer.reason, costs=False) if answer.certain else Unknown(answer.reason))
    body = _read(answer.body)
    if 200 <= answer.status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return _judge_success(answer, body)
    if 400 <= answer.status < 500:  # noqa: PLR2004
        return _judge_client_error(answer, body)
    return Verdict(Unknown(f"Discord answered {answer.status}"))


def judge_direct(answer: Answer | NoAnswer) -> Verdict:
    """Say what an answer to a direct message means: where a channel would be at fault, it is about one user."""
    verdict = judge(answer)
    if isinstance(verdict.outcome, Parked):
        if isinstance(answer, Answer) and _read(answer.body).get("code") == UNKNOWN_CHANNEL:
            return Verdict(Retry("the user's channel is gone: it is opened again", costs=False), Scope.USER)
        return Verdict(verdict.outcome, Scope.USER)
    return verdict


def opened(answer: Answer | NoAnswer) -> str | Verdict:
    """Give the channel that was opened for a user, or say what the answer means."""
    verdict = judge(answer)
    match verdict.outcome:
        case Delivered({"message_id": str(channel)}):
            return channel
        case Delivered() | Unknown():
            # Opening it twice is opening it once.
            return Verdict(Retry("Discord did not say which channel it opened", costs=False))
        case Dead(reason):
            return Verdict(Dead(reason), Scope.USER)
        case Parked(reason):
            return Verdict(Parked(reason), Scope.USER)
        case Retry():
            return verdict
        case _:
            assert_never(verdict.outcome)


def _judge_success(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    if "id" not in body:
        return Verdict(Unknown(f"Discord answered {answer.status} with an unreadable body"))
    return Verdict(Delivered({"message_id": str(body["id"])}))


def _judge_client_error(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    if body.get("code") in TOO_FAST:
        return _judge_pace(answer, body)
    if answer.status == 429:  # noqa: PLR2004
        return _judge_limit(answer, body)
    if answer.status == 401:  # noqa: PLR2004
        return Verdict(Retry("Discord refuses the token", costs=False), Scope.TOKEN)
    if answer.status == 404 and body.get("code") == UNKNOWN_MESSAGE:  # noqa: PLR2004
        # Our nonce was posted and the message has been deleted since: telling it again would be twice.
        return Verdict(Delivered({"message_id": None, "note": "deleted in Discord"}))
    return _judge_refusal(answer, body)


def _judge_limit(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    # Without Via it is Cloudflare in front of Discord, silencing this address as a whole.
    banned = "Via" not in answer.headers and "retry_after" not in body
    wide = banned or bool(body.get("global")) or "X-RateLimit-Global" in answer.headers
    wait = body.get("retry_after", answer.headers.get("Retry-After", 60.0))
    reason = "Discord silences this address" if banned else "rate limited"
    return Verdict(Retry(reason, after=float(wait), costs=False), Scope.GLOBAL if wide else Scope.CHANNEL)


def _judge_pace(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    wait = body.get("retry_after", answer.headers.get("Retry-After"))
    reason = f"{TOO_FAST[body['code']]} ({_words(answer, body)})"
    return Verdict(Retry(reason, after=None if wait is None else float(wait), costs=False), Scope.DIRECTS)


def _judge_refusal(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    code = body.get("code", 0)
    words = _words(answer, body)
    if code in GONE or code in FORBIDDEN:
        return Verdict(Parked(f"{GONE.get(code) or FORBIDDEN[code]} ({words})"), Scope.CHANNEL)
    if code in UNREACHABLE:
        return Verdict(Dead(f"{UNREACHABLE[code]} ({words})"), Scope.USER)
    if code in SWITCHED_OFF:
        return Verdict(Retry(f"switched off for the moment ({words})", costs=False), Scope.CHANNEL)
    if code in REFUSED_WORDS:
        return Verdict(Dead(f"{REFUSED_WORDS[code]} ({words})"))
    if code in REFUSED_FORMS or answer.status in (400, 413):
        return Verdict(Dead(f"Discord refuses this message ({words}{_details(body)})"), reshape=True)
    return Verdict(Parked(f"Discord refuses ({words})"), Scope.CHANNEL)


def _words(answer: Answer, body: Mapping[str, Any]) -> str:
    return f"{answer.status}/{body.get('code', 0)} {body.get('message', '')}".strip()


def _details(body: Mapping[str, Any]) -> str:
    return f": {json.dumps(body['errors'])[:300]}" if "errors" in body else ""


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
