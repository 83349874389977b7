"""Where a request meets the simulated Discord: the log, scripted trouble, the door, the limits, the route."""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import hdrs, web

from bot.simulator.answers import answer, garbage
from bot.simulator.exchange import Exchange
from bot.simulator.faults import Fault
from bot.simulator.limits import limited_body, limited_headers
from bot.simulator.refusals import LimitedError, RefusedError, browser_like, not_found, too_large, unauthorized
from bot.simulator.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WORLD: web.AppKey[World] = web.AppKey("world", World)
EXCHANGE: web.RequestKey[Exchange] = web.RequestKey("exchange", Exchange)


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a REST request, and keep the log of it."""
    world = request.app[WORLD]
    try:
        exchange = await Exchange.read(request)
    except RefusedError as refusal:
        return refused(refusal)
    except web.HTTPRequestEntityTooLarge:
        return refused(too_large())
    request[EXCHANGE] = exchange
    exchange.enter(world.traffic)
    response: web.StreamResponse | None = None
    try:
        response = await troubled(world, exchange, handler)
        response.headers[hdrs.DATE] = formatdate(world.time.now(), usegmt=True)
    finally:
        exchange.leave(response)
    return response


async def troubled(world: World, exchange: Exchange, handler: Handler) -> web.StreamResponse:
    """Process a request, with the faults that the script has for it."""
    if fault := world.faults.take("before", exchange):
        instead = await strike(world, exchange, fault)
        if instead is not None:
            return instead
        if fault.action == "hold" and exchange.gone and not fault.even_if_gone:
            return silence()
    response = await answered(world, exchange, handler)
    if response.status < HTTPStatus.BAD_REQUEST and (fault := world.faults.take("after", exchange)):
        return await strike(world, exchange, fault) or response
    return response


async def answered(world: World, exchange: Exchange, handler: Handler) -> web.StreamResponse:
    """Process a request as Discord does on a good day."""
    headers: dict[str, str] = {}
    try:
        admit(world, exchange.request)
        world.limits.take(exchange.creating_in)
        headers.update(world.limits.headers(exchange.creating_in))
        response = await handler(exchange.request)
    except RefusedError as refusal:
        response = refused(refusal)
    except LimitedError as limit:
        headers.update(world.limits.headers(exchange.creating_in))
        response = limited(limit.wait, "global" if limit.everywhere else "user")
    except web.HTTPNotFound:
        response = refused(not_found())
    response.headers.update(headers)
    return response


def admit(world: World, request: web.Request) -> None:
    """Let a bot with a valid token in; refuse anyone else."""
    agent = request.headers.get(hdrs.USER_AGENT, "")
    if not agent or agent.startswith("Mozilla/"):
        raise browser_like()
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme != "Bot" or not world.knows(token):
        raise unauthorized()


async def strike(world: World, exchange: Exchange, fault: Fault) -> web.Response | None:
    """Do what a fault does; return the answer that it gives instead of the true one, if any."""
    match fault.action:
        case "status":
            return failed(fault)
        case "cloudflare":
            return banned(fault)
        case "garbage":
            return garbage()
        case "drop":
            exchange.leave()
            exchange.cut(reset=fault.reset)
            return silence()
        case "delay":
            await asyncio.sleep(fault.seconds)
        case "hold":
            await world.faults.hold(exchange, fault)
    return None


def failed(fault: Fault) -> web.Response:
    """Answer with the error that a fault describes."""
    headers = dict(fault.headers)
    text = fault.message or HTTPStatus(fault.status).phrase
    body: object = {"message": text, "code": fault.code}
    if fault.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = 1.0 if fault.retry_after is None else fault.retry_after
        headers = {**limited_headers(wait, fault.scope), **headers}
        body = {**limited_body(wait, fault.scope), **({"code": fault.code} if fault.code else {})}
    elif fault.retry_after is not None:
        headers.setdefault(hdrs.RETRY_AFTER, f"{fault.retry_after:g}")
    body = body if fault.body is None else fault.body
    if isinstance(body, str):
        return web.Response(status=fault.status, text=body, headers=headers)
    return answer(body, status=fault.status, headers=headers)


def banned(fault: Fault) -> web.Response:
    """Answer as the wall in front of Discord does: no JSON, and no Via header."""
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers.setdefault(str(hdrs.RETRY_AFTER), f"{fault.retry_after:g}")
    return web.Response(status=429, text="error code: 1015", headers=headers)


def refused(refusal: RefusedError) -> web.Response:
    """Answer with an error of Discord's."""
    return answer(refusal.payload(), status=refusal.status)


def limited(wait: float, scope: str) -> web.Response:
    """Answer that the bot must wait."""
    return answer(limited_body(wait, scope), 429, limited_headers(wait, scope))


def silence() -> web.Response:
    """Stand for an answer that nobody will ever see: the connection is gone."""
    return web.Response(status=499)
