"""What is published runs by itself."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.cli.stage import SIGN_UP, messages, post
from tests.until import until

ROOT = Path(__file__).parent.parent
UP = "import sys; from telemetry.cli.main import main; sys.argv = ['tellonce', 'up', '--simulator-port', '0']; main()"


@pytest.mark.slow
async def test_the_built_wheel_runs_everything_in_an_empty_directory(tmp_path: Path) -> None:
    python = install(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE_", "DISCORD_"))}
    ports = {f"TELLONCE_{name}_PORT": "0" for name in ("INGEST", "WATCH", "BOT", "COURIER")}
    env = plain | ports | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    log = empty / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen([python, "-c", UP], cwd=empty, env=env, stdout=output, stderr=output)  # noqa: ASYNC220, S603
    try:

        async def is_up() -> bool:
            assert up.poll() is None, log.read_text()
            return "tellonce is up" in log.read_text()

        await until(is_up)
        addresses = dict(line.split()[:2] for line in log.read_text().splitlines() if line.startswith("  "))
        assert 1 == post(addresses["ingest"].removesuffix("/ingest"), SIGN_UP)["accepted"]
        await until(lambda: messages(addresses["discord"].rstrip("/")))
        up.terminate()
        assert 0 == up.wait(40), log.read_text()
    finally:
        up.kill()
        up.wait()


def install(folder: Path) -> Path:
    """Build the wheel and install it, and nothing else of this checkout, in an environment of its own."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)  # noqa: S603
    venv.create(folder / "venv", symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    # The libraries are those that are locked; the wheel's own modules come before whatever else is on the path.
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "venv" / "bin" / "python"
