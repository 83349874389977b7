"""The page shows what was posted, safely."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.simulator import Simulator
from tests.simulator.conftest import COMMUNITY, RELEASES, Poster

BROWSER = shutil.which("chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
    "--dump-dom",
]


async def seen(address: str, profile: Path) -> str:
    """Open a page in a browser, and return what became of it."""
    assert BROWSER
    process = await asyncio.create_subprocess_exec(
        BROWSER,
        *QUIET,
        f"--user-data-dir={profile}",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode()


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
async def test_a_browser_shows_an_embed_as_text_and_says_how_to_begin(
    simulator: Simulator, poster: Poster, tmp_path: Path
) -> None:
    embed = {
        "title": "Welcome u42",
        "description": "<img src=x onerror=alert(1)> **pro** \\*plan\\*",
        "color": 0x57F287,
    }
    await poster.post("", embeds=[embed])

    page = await seen(simulator.url, tmp_path)
    assert '<div class="title">Welcome u42</div>' in page
    assert "&lt;img src=x onerror=alert(1)&gt; <strong>pro</strong> *plan*" in page
    assert '<b id="total">1</b>' in page

    _, direct, _ = await poster.call("POST", "/users/@me/channels", json={"recipient_id": "300000000000000001"})
    await poster.post("for your eyes", channel=int(direct["id"]))
    beside = await seen(f"{simulator.url}/#{direct['id']}", tmp_path)
    assert '<span class="label">user …000001</span>' in beside
    assert "user …000001 (direct message)" in beside
    assert "for your eyes" in beside
    assert '<b id="total">2</b>' in beside

    empty = await seen(f"{simulator.url}/#{RELEASES}", tmp_path)
    assert "Nothing has been posted here yet" in empty
    assert '<section id="empty">' in empty


@pytest.mark.parametrize("path", ["/", "/site/page.css", "/site/page.js", "/site/markdown.js", "/site/icon.svg"])
async def test_the_page_needs_nothing_from_elsewhere(poster: Poster, path: str) -> None:
    async with poster.session.get(poster.url + path) as answer:
        text = (await answer.text()).replace("http://127.0.0.1:8080", "").replace("http://www.w3.org/2000/svg", "")
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert 'src="http' not in text
        assert "@import" not in text


async def test_nothing_but_the_page_is_handed_out(poster: Poster) -> None:
    for path in ("/site/secret.css", "/site/..%2Fpage.py"):
        async with poster.session.get(poster.url + path) as answer:
            assert answer.status == 404


async def test_an_open_page_is_told_what_happens(poster: Poster) -> None:
    async with poster.session.ws_connect(f"{poster.url}/_sim/stream") as stream:
        _, posted, _ = await poster.post("news")
        told = await stream.receive_json()
        assert (told["event"], told["data"]["id"], told["data"]["content"]) == ("MESSAGE_CREATE", posted["id"], "news")
        await poster.sim("DELETE", f"/messages/{posted['id']}")
        assert (await stream.receive_json())["data"]["id"] == posted["id"]
    (community, _) = await poster.sim("GET", "/channels")
    assert (community["id"], community["posted"]) == (str(COMMUNITY), 1)
