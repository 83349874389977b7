"""`tellonce listen`: a receiver on this machine that verifies what it gets and shows it, for trying webhooks out."""

import json
import sys
from time import strftime
from typing import Annotated, Any

import anyio
import typer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumers.webhook.endpoint import check_secret, checked, new_secret
from telemetry.cli.printing import AsJson, say
from telemetry.runtime.logs import configure_logs
from telemetry.runtime.service import run_until_signalled
from telemetry.runtime.web import WebService

LOOPBACK = "127.0.0.1"


class Listener:
    """Verifies requests, and knows which messages came before."""

    def __init__(self, secret: str, status: int, *, as_json: bool) -> None:
        self._webhook = Webhook(secret)
        self._status = status
        self._as_json = as_json
        self._seen: dict[str, int] = {}

    async def hear(self, request: Request) -> Response:
        """Verify a request, show it, and answer as told to; 401 where it is not signed with our secret."""
        body = await request.body()
        message = request.headers.get("webhook-id", "")
        try:
            told = self._webhook.verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError) as error:
            self._show(request, message, f"refused: {error}", None)
            return Response(f"{error}\n", 401)
        self._seen[message] = self._seen.get(message, 0) + 1
        times = self._seen[message]
        self._show(request, message, "verified" if times == 1 else f"verified, for the {_ordinal(times)} time", told)
        return Response(status_code=self._status)

    def _show(self, request: Request, message: str, verdict: str, told: Any) -> None:
        if self._as_json:
            line = {"id": message, "path": request.url.path, "verdict": verdict, "body": told}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        say(f"{strftime('%H:%M:%S')}  {message or '(no id)'}  {verdict}", style="green" if told is not None else "red")
        if told is not None:
            say(f"          {json.dumps(told, ensure_ascii=False)}")


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def listen(
        *,
        port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: any free port.")] = 8090,
        secret: Annotated[str | None, typer.Option(help="Verify with this secret; without, one is made.")] = None,
        status: Annotated[int, typer.Option(min=200, max=599, help="What to answer to what is verified.")] = 204,
        as_json: AsJson = False,
    ) -> None:
        """Receive webhooks on this machine, verify and show them, until Ctrl-C."""
        configure_logs("console", "WARNING")
        ours = new_secret() if secret is None else checked(check_secret, secret, "--secret")
        web = _web(Listener(ours, status, as_json=as_json), port)
        if not as_json:
            say(f"listening on {web.url}; Ctrl-C stops it", style="bold")
            say(f"have it told: tellonce webhooks add here {web.url}/ --secret {ours}")
        anyio.run(run_until_signalled, [web])


def _web(listener: Listener, port: int) -> WebService:
    return WebService(Starlette(routes=[Route("/{path:path}", listener.hear, methods=["POST"])]), LOOPBACK, port)


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else endings.get(number % 10, 'th')}"
