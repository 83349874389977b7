"""What `@on` takes, and which handlers there are: found by looking, and nothing starts by that."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from consumers.handler import on
from consumers.handler.collection import GROUP, collect
from consumers.handler.family import HANDLERS
from consumers.handler.registration import MARK, Registration
from telemetry.core.carrier import Terms
from telemetry.core.errors import ConfigurationError
from telemetry.courier.service import courier_names, find_carrier
from telemetry.runtime.config import parse_config
from telemetry.runtime.settings import Settings
from telemetry.watcher.consumers import load_consumers

HEAD = "from consumers.handler import on, Reject\n"
ONE = (
    '@on("campaign_closing", retries="5s,1m", timeout="2m", concurrency=2)\nasync def find_winners(event, ctx): pass\n'
)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write modules where the program was started, and forget them afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)

    def write(**texts: str) -> Settings:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(HEAD + text)
        return Settings(handlers=tuple(texts))

    yield write
    for name in set(sys.modules) - before:
        sys.modules.pop(name)


def test_a_module_beside_the_file_is_read(modules: Any) -> None:
    (handler,) = collect(modules(shop=ONE))
    assert ("find_winners", ("campaign_closing",)) == (handler.name, handler.types)
    assert "shop:find_winners" == handler.source
    terms = handler.terms
    assert ((5.0, 60.0), 120.0, 2) == (terms.schedule.waits, terms.timeout, terms.concurrency)


def test_the_function_stays_what_it_was() -> None:
    async def plain(_event: Any, _ctx: Any) -> None:
        """Do nothing."""

    assert plain is on(["a", "b"])(plain)
    registered: Registration = getattr(plain, MARK)
    assert (("a", "b"), Terms().concurrency) == (registered.types, registered.terms.concurrency)


def test_a_module_named_twice_and_a_function_imported_from_another_are_one_handler(modules: Any) -> None:
    modules(shop=ONE, office="from shop import find_winners\n")
    settings = Settings(handlers=("shop", "shop", "office"))
    assert ["find_winners"] == [handler.name for handler in collect(settings)]


def test_importing_the_module_twice_registers_one_worker_and_starts_nothing(modules: Any, tmp_path: Path) -> None:
    """
    A module is data until a courier calls its function.
    """
    modules(shop=ONE)
    twice = (
        "import importlib, sys, threading; sys.path.append('.'); import shop; importlib.reload(shop);"
        "sys.modules.pop('shop'); import shop;"
        "from consumers.handler.collection import collect; from telemetry.runtime.settings import Settings;"
        "print(len(collect(Settings(handlers=('shop', 'shop')))), threading.active_count())"
    )
    ran = subprocess.run([sys.executable, "-c", twice], capture_output=True, text=True, check=True, cwd=tmp_path)  # noqa: S603
    assert "1 1" == ran.stdout.strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('@on("a")\ndef f(event, ctx): pass\n', "shop:f: expected an async function"),
        ('@on("a")\nasync def f(event): pass\n', "expected a function of two arguments"),
        (
            '@on("a", retires="5s")\nasync def f(event, ctx): pass\n',
            "unknown option 'retires'; expected .* mean \"retries\"",
        ),
        ('@on("a", retries="soon")\nasync def f(event, ctx): pass\n', "retries: expected waits as in"),
        ('@on("a", retries=5)\nasync def f(event, ctx): pass\n', "retries: expected waits as in"),
        ('@on("a", timeout="1m,2m")\nasync def f(event, ctx): pass\n', "timeout: expected one time"),
        ('@on("a", timeout="0s")\nasync def f(event, ctx): pass\n', "timeout: expected waits"),
        ('@on("a", concurrency=0)\nasync def f(event, ctx): pass\n', "concurrency: expected a number of at least 1"),
        ('@on("a", name="my.handler")\nasync def f(event, ctx): pass\n', 'letters, digits, .* not "my.handler"'),
        ("@on([])\nasync def f(event, ctx): pass\n", "expected an event type, a list of them"),
        ("@on\nasync def f(event, ctx): pass\n", "no function there has @on|expected an event type"),
        ("raise RuntimeError('two\\nlines')\n", "TELLONCE_HANDLERS: shop cannot be imported: RuntimeError: two$"),
        ("import nowhere_at_all\n", "shop cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(1)\n", "shop cannot be imported: SystemExit"),
        ("x = 1\n", "TELLONCE_HANDLERS: shop: no function there has @on"),
        (f'{ONE}@on("b")\nasync def find_winners(event, ctx): pass\n', "defined twice, in lines 2 and 4"),
        ('@on("a")\n@on("b")\nasync def f(event, ctx): pass\n', "two @on; give one of them a list"),
        (
            '@on("a", name="x")\nasync def f(event, ctx): pass\n@on("a", name="x")\nasync def g(event, ctx): pass\n',
            "handler 'x' is registered twice, by shop:f and shop:g",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(modules: Any, text: str, said: str) -> None:
    settings = modules(shop=text)
    with pytest.raises(ConfigurationError, match=said) as error:
        collect(settings)
    assert "\n" not in str(error.value)


def test_a_module_that_is_not_there_is_named(modules: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"TELLONCE_HANDLERS: nowhere cannot be imported: .*No module named"):
        collect(Settings(handlers=("nowhere",)))


def test_the_setting_is_a_list_of_modules() -> None:
    read = Settings.read({"TELLONCE_HANDLERS": " shop, other.module ,"}, terminal=False)
    assert ("shop", "other.module") == read.handlers
    with pytest.raises(ConfigurationError, match=r"TELLONCE_HANDLERS: expected modules as in .* not 'shop/x'"):
        Settings.read({"TELLONCE_HANDLERS": "shop/x"}, terminal=False)


def test_two_modules_that_claim_one_name_are_refused_naming_both(modules: Any) -> None:
    """
    Two workers of one name would share a queue and an ack.
    """
    settings = modules(shop=ONE, office=ONE)
    with pytest.raises(ConfigurationError, match="by shop:find_winners and office:find_winners: rename one"):
        collect(settings)


def test_two_functions_of_one_factory_and_one_name_are_refused(modules: Any) -> None:
    """
    One of them would never be called.
    """
    factory = "def made(kind):\n    @on(kind)\n    async def told(event, ctx): pass\n    return told\n"
    settings = modules(shop=f"{factory}a, b = made('a'), made('b')\n")
    with pytest.raises(ConfigurationError, match=r"handler 'told' is registered twice, by shop:made.<locals>.told"):
        collect(settings)


@pytest.mark.parametrize("name", ["webhook", "discord"])
def test_a_name_that_a_consumer_has_is_refused_naming_both(modules: Any, name: str) -> None:
    settings = modules(shop=f'@on("*", name="{name}")\nasync def f(event, ctx): pass\n')
    both = rf"{name!r} is registered twice, by .*consumers\.{name}.*shop:f|{name!r} .* by .*shop:f.*consumers\.{name}"
    with pytest.raises(ConfigurationError, match=both):
        load_consumers(parse_config(""), settings)
    with pytest.raises(ConfigurationError, match=both):
        find_carrier(name, settings, parse_config(""))


def test_a_type_that_is_nearly_a_known_one_is_a_slip(modules: Any) -> None:
    """
    The handler would never be called, and nobody would know why.
    """
    settings = modules(shop='@on("sing_up")\nasync def f(event, ctx): pass\n')
    said = r'@on of shop:f: unknown type "sing_up"; did you mean "sign_up"\? or else declare \[types.sing_up\]'
    with pytest.raises(ConfigurationError, match=said):
        load_consumers(parse_config(""), settings)
    assert load_consumers(parse_config('[types.sing_up]\nkey = ["distinct_id"]'), settings)


def test_a_type_without_a_key_policy_is_warned_of_unless_a_schedule_tells_it(modules: Any) -> None:
    settings = modules(shop='@on(["campaign_closing", "sign_up", "*"])\nasync def f(event, ctx): pass\n')
    schedule = '[schedules.weekly]\nevent = "campaign_closing"\nevery = "1w"'
    (handler,) = HANDLERS.consumers(settings, parse_config(""))
    (line,) = handler.warnings()
    assert "@on of shop:f: type 'campaign_closing' has no key policy" in line
    (handler,) = HANDLERS.consumers(settings, parse_config(schedule))
    assert [] == handler.warnings()


def test_a_handler_is_one_more_consumer_and_has_a_carrier(modules: Any) -> None:
    settings = modules(shop=ONE)
    assert "find_winners" in [consumer.name for consumer in load_consumers(parse_config(""), settings)]
    assert ["webhook", "find_winners"] == courier_names(settings, parse_config(""))
    assert find_carrier("find_winners", settings, parse_config("")) is not None
    with pytest.raises(
        ConfigurationError, match=r"no courier 'find_winers' .* expected find_winners, webhook; did you"
    ):
        find_carrier("find_winers", settings, parse_config(""))


@pytest.mark.parametrize("value", ["shop", "shop:find_winners", "shop:ALL"])
def test_an_installed_package_brings_handlers_by_its_entry_point(modules: Any, value: str, tmp_path: Path) -> None:
    modules(shop=f"{ONE}ALL = [find_winners]\n")
    sys.path.append(str(tmp_path))
    assert ["find_winners"] == [one.name for one in collect(Settings(), [EntryPoint("shop", value, GROUP)])]


def test_an_entry_point_of_something_else_is_named(modules: Any, tmp_path: Path) -> None:
    modules(shop="x = 1\n")
    sys.path.append(str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"the entry point 'shop' of tellonce.handlers: expected a module"):
        collect(Settings(), [EntryPoint("shop", "shop:x", GROUP)])
