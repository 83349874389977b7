"""The command line, assembled: a verb a file, and more verbs from other packages by entry point.

Exit codes: 0 well; 1 the answer is "no"; 2 wrong use or configuration; 3 the database does not answer.
`check` exits 4 for the Discord token and 5 for a missing permission.
"""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from telemetry.cli.printing import mistake
from telemetry.core.errors import ConfigurationError, TellonceError, UnavailableError
from telemetry.runtime.config import nearest
from telemetry.runtime.service import root

GROUP = "tellonce.commands"
NO, WRONG_USE, NO_DATABASE = 1, 2, 3
# The driver reads this when it is imported. A stream blocks one thread for as long as it is quiet.
DRIVER_THREADS = "8"
# In the order in which someone who is new needs them. Each is a module of this package, imported when asked for.
VERBS = (
    *("up", "ingest", "watch", "courier", "send", "sources", "status", "explain", "audit", "dead", "parked"),
    *("retry", "replay", "pause", "resume", "cancel", "verify", "canary", "forget", "check", "indexes", "keys"),
    *("consumers", "schedule", "audience"),
)


class Verbs(TyperGroup):
    """The verbs, our own and other packages'; each is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library's signature
        """Name every verb."""
        return [*VERBS, *sorted(point.name for point in entry_points(group=GROUP) if point.name not in VERBS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a verb by its name."""
        if cmd_name in VERBS:
            return _verb(cmd_name, import_module(f"telemetry.cli.{cmd_name}").command)
        for point in entry_points(group=GROUP, name=cmd_name):
            return _foreign(point)
        return ctx.fail(f"no such verb {cmd_name!r}{nearest(cmd_name, self.list_commands(ctx))}")

    def invoke(self, ctx: Any) -> Any:
        """Carry a verb out; what can be foreseen ends in one line and an exit code, never in a traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            raise typer.Exit(_told(error)) from error


def _told(error: Exception) -> int:
    match root(error):
        case ConfigurationError() as ours:
            code = WRONG_USE
        case UnavailableError() as ours:
            mistake(f"{ours}; is it running, and is TELLONCE_MONGODB_URI right? `tellonce check` looks")
            return NO_DATABASE
        case TellonceError() as ours:
            code = NO
        case _:
            raise error
    mistake(str(ours))
    return code


def _foreign(point: EntryPoint) -> Any:
    try:
        return _verb(point.name, point.load())
    except Exception as error:  # noqa: BLE001 - another package's import may raise anything
        return _broken(point.name, f"the verb {point.name!r} of {point.value} cannot be loaded: {error!r}")


def _verb(name: str, register: Callable[[typer.Typer], None]) -> Any:
    app = typer.Typer(rich_markup_mode=None)
    # With a second verb Typer makes a group of it, in which the one asked for has its name.
    app.command("-", hidden=True)(lambda: None)
    register(app)
    return typer.main.get_group(app).commands[name]


def _broken(name: str, why: str) -> Any:
    def register(app: typer.Typer) -> None:
        @app.command(name, help="(cannot be loaded)")
        def complain() -> None:
            raise ConfigurationError(why)

    return _verb(name, register)


def build() -> typer.Typer:
    """Put the command line together."""
    app = typer.Typer(
        cls=Verbs,
        name="tellonce",
        help="Tell every consumer, once: a telemetry pipeline on MongoDB.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_everywhere)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tellonce {version('tellonce')}")
        raise typer.Exit


def _everywhere(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Tell every consumer, once: a telemetry pipeline on MongoDB."""


def main() -> None:
    """Run `tellonce`."""
    os.environ.setdefault("MOTOR_MAX_WORKERS", DRIVER_THREADS)
    build()()


if __name__ == "__main__":
    main()
