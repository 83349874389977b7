"""Listening on this machine, at any free port."""

import ssl

from aiohttp import web


async def listen(app: web.Application, tls: ssl.SSLContext | None = None) -> tuple[web.AppRunner, str]:
    """Serve an application; give what ends it, cutting what is open, and its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner, f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
