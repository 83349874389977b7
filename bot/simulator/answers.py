"""Answers in the very form that Discord gives them."""

import json
from collections.abc import Mapping

from aiohttp import web


def answer(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    # Bytes, not text: discord.py takes only a bare "application/json" for JSON, without a charset.
    return web.Response(
        body=json.dumps(payload).encode(), status=status, headers=headers, content_type="application/json"
    )


def garbage() -> web.Response:
    """Answer with what claims to be JSON and is not."""
    return web.Response(body=b"<html>not what you asked for", content_type="application/json")
