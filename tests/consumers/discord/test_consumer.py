from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.discord.consumer import DiscordConsumer, connect
from consumers.discord.message import Body, compose
from telemetry.core.consumer import Consumer
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.runtime.config import load_config, parse_config
from tests.consumers.discord.test_message import assert_within_limits
from tests.facts import planned

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
CHANNELS = '[discord.channels]\na = "112233445566778899"\nagain = "112233445566778899"\nb = "112233445566778900"\n'


def an_event(properties: dict[str, Any] | None = None, **parts: Any) -> Event:
    facts: dict[str, Any] = {
        "key": "sign_up:u42",
        "type": "sign_up",
        "distinct_id": "u42",
        "time": NOON,
        "received_at": NOON,
        "source": "web",
        "digest": "d",
        "receipt": "r1",
        "order": 7,
        "due_at": NOON,
    }
    return Event(**facts | {"properties": properties or {}} | parts)


def a_route(channel: str = "a", events: str = '"sign_up"', **entries: str) -> str:
    lines = [f"{name} = '''{text}'''" for name, text in entries.items()]
    return "\n".join(["[[discord.routes]]", f"events = [{events}]", f'channel = "{channel}"', *lines, ""])


def discord(*routes: str) -> DiscordConsumer:
    return connect(parse_config(CHANNELS + "".join(routes)))


def told(template: str, properties: dict[str, Any] | None = None, **parts: Any) -> str:
    """What the body of a message says."""
    (delivery,) = planned(discord(a_route(title="t", body=template)), an_event(properties, **parts))
    assert delivery.state is State.PENDING, delivery.reason
    return str(delivery.body["embed"].get("description", ""))


def died(template: str, properties: dict[str, Any] | None = None) -> Delivery:
    (delivery,) = planned(discord(a_route(title="t", body=template)), an_event(properties))
    assert delivery.state is State.DEAD
    return delivery


def test_an_event_becomes_one_delivery_a_channel() -> None:
    plan = planned(discord(a_route("a", title="one"), a_route("b", title="two")), an_event())
    assert [(delivery.id, delivery.body["embed"]["title"]) for delivery in plan] == [
        ("sign_up:u42|discord:112233445566778899", "one"),
        ("sign_up:u42|discord:112233445566778900", "two"),
    ]
    assert {(delivery.event, delivery.receipt, delivery.order, delivery.ready_at) for delivery in plan} == {
        ("sign_up:u42", "r1", 7, NOON)
    }


def test_of_two_routes_to_one_channel_the_first_in_the_file_wins() -> None:
    first, second = a_route("a", title="first"), a_route("again", events='"*"', title="second")
    (delivery,) = planned(discord(first, second), an_event())
    assert delivery.body["embed"]["title"] == "first"


def test_an_event_that_no_route_wants_has_an_empty_plan() -> None:
    assert discord(a_route(title="x")).plan(an_event(type="badge_awarded")) == []


def test_the_same_event_gives_the_same_plan() -> None:
    event = an_event({"a": [1, 2], "b": {"c": None}})
    consumer: Consumer = discord(a_route(title="{{ properties }}", body="{{ time }} {{ key }}"))
    assert consumer.plan(event) == consumer.plan(event)


def test_the_example_renders_the_four_built_in_types() -> None:
    consumer = connect(load_config(Path(__file__).parents[3] / "tellonce.toml"))
    assert consumer.warnings() == []
    for event_type in ("sign_up", "extension_published", "release_published", "badge_awarded"):
        properties = {"name": "n", "version": "1.2", "badge": "gold"}
        (delivery,) = planned(consumer, an_event(properties, type=event_type))
        assert_within_limits(compose("1", [delivery]))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ properties.name }}", r"a\_b"),
        ("**{{ properties.name }}**", r"**a\_b**"),
        ("{{ properties.name | upper }}", r"A\_B"),
        ("{{ properties.gone | default('*none*') }}", r"\*none\*"),
        ("{{ properties.tags | join(', ') }}", r"x\*, y"),
        ("{% for tag in properties.tags %}[{{ tag }}]{% endfor %}", r"[x\*][y]"),
        ("{% set n = properties.name %}{{ n ~ n }}", r"a\_ba\_b"),
        ("{% set n %}_{{ properties.name }}_{% endset %}{{ n | raw }}", r"_a\_b_"),
        ("{{ properties.name | raw }}", "a_b"),
        ("{{ properties.name | raw | upper }}", r"A\_B"),
        ("{{ properties.name | code }}", "`a_b`"),
        ("{{ properties['name'] }}", r"a\_b"),
        ("{{ properties.items }}", "3"),
        ("{{ properties.flag }} {{ properties.none }}{{ properties.gone.deeper }}", "true"),
        ("{{ distinct_id }} {{ event }} {{ key }} {{ time.strftime('%H:%M') }}", r"u42 sign\_up sign\_up:u42 12:00"),
    ],
)
def test_values_are_text_and_never_markdown(template: str, said: str) -> None:
    properties = {"name": "a_b", "tags": ["x*", "y"], "flag": True, "none": None, "items": 3}
    assert said == told(template, properties)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ properties.n + 1 }}", "TypeError"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ properties.gone + 1 }}", "UndefinedError"),
        ("{{ time.now() }}", "SecurityError"),
        ("{{ properties.update({'a': 1}) }}", "SecurityError"),
        ("{% for x in range(10000000) %}{% endfor %}", "a range of more than 1000"),
        ("{{ properties.n * 1000000 }}", "a result of more than 20000 characters"),
        ("{{ 9 ** 99 }}", "an exponent above 64"),
        ("{{ '%99999999d' % 1 }}", "% does not format here"),
    ],
)
def test_a_template_that_fails_on_an_event_makes_a_dead_delivery_with_the_reason(template: str, reason: str) -> None:
    delivery = died(template, {"n": "x"})
    assert delivery.reason is not None
    assert delivery.reason.startswith("template of discord.routes#1: ")
    assert reason in delivery.reason


def test_a_failing_template_holds_up_no_other_channel() -> None:
    plan = planned(discord(a_route("a", title="{{ 1 / 0 }}"), a_route("b", title="fine")), an_event())
    assert [delivery.state for delivery in plan] == [State.DEAD, State.PENDING]


def test_a_dead_delivery_that_is_tried_after_all_is_told_as_its_key() -> None:
    assert compose("1", [died("{{ 1 / 0 }}")])["content"].startswith("sign\\_up:u42\n")


def test_endless_output_is_cut() -> None:
    loops = "{% for a in range(1000) %}" * 4 + "x" + "{% endfor %}" * 4
    assert len(told(loops)) == 4096


def test_footers_and_addresses_are_not_escaped_as_discord_shows_them_as_they_are() -> None:
    route = a_route(title="t", footer="{{ distinct_id }}", url="https://x.org/{{ distinct_id }}?a b")
    (delivery,) = planned(discord(route), an_event(distinct_id="a_b"))
    assert delivery.body["embed"]["footer"] == {"text": "a_b"}
    assert delivery.body["embed"]["url"] == "https://x.org/a_b?a%20b"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "x.org", "http://", "http://[", "http://a b.org"])
def test_a_link_that_is_none_is_left_out(url: str) -> None:
    (delivery,) = planned(discord(a_route(title="t", url="{{ properties.url }}")), an_event({"url": url}))
    assert "url" not in delivery.body["embed"]


def test_a_message_that_comes_out_empty_shows_the_key() -> None:
    (delivery,) = planned(discord(a_route(title="{{ properties.gone }}", footer="f")), an_event())
    assert delivery.body["embed"] == {"description": "sign\\_up:u42"}


def test_a_route_may_ping_stand_alone_be_silent_and_show_the_time() -> None:
    options = 'mentions = ["roles"]\ndigest = false\nsilent = true\ntimestamp = true\ncolor = "#5865f2"\n'
    (delivery,) = planned(discord(a_route(title="t", content="<@&1>") + options), an_event())
    assert delivery.body["embed"] == {"title": "t", "color": 0x5865F2, "timestamp": "2026-01-02T12:00:00+00:00"}
    assert Body.of(delivery.body) == Body(
        "sign_up:u42", "<@&1>", delivery.body["embed"], ("roles",), digest=False, silent=True
    )


AUDIENCES = "audiences = ['all', 'staff', 'all']\n"
TO_ALL = a_route(title="Hi {{ distinct_id }}").replace('channel = "a"\n', "") + AUDIENCES
PARTS = "parts = [{ content = 'see {{ properties.where }}' }, { title = 'Then', body = '{{ key }}' }]\n"


def fan_outs(consumer: DiscordConsumer, event: Event) -> list[FanOut]:
    return [item for item in consumer.plan(event) if isinstance(item, FanOut)]


def test_an_audience_is_told_the_same_messages_and_looked_up_later() -> None:
    (fan_out,) = discord(TO_ALL).plan(an_event())
    assert isinstance(fan_out, FanOut)
    assert (("all", "staff"), ("discord", "discord-user")) == (fan_out.audiences, fan_out.kinds)
    assert ["Hi u42"] == [body["embed"]["title"] for body in fan_out.bodies]
    assert ("discord", {}) == (fan_out.account, fan_out.fields)
    assert [] == discord(TO_ALL).plan(an_event(type="badge_awarded"))


def test_a_route_may_name_a_channel_and_audiences_and_the_channel_comes_first() -> None:
    delivery, fan_out = discord(a_route(title="Hi") + AUDIENCES).plan(an_event())
    assert isinstance(delivery, Delivery)
    assert isinstance(fan_out, FanOut)
    assert [delivery.body] == fan_out.bodies


def test_further_messages_go_to_the_same_channel_in_order() -> None:
    options = "silent = true\ndigest = false\n" + PARTS
    plan = planned(discord(a_route(title="First") + options), an_event({"where": "a_b"}))
    assert [
        (f"sign_up:u42|discord:112233445566778899{part}", order) for part, order in (("", 7), ("|1", 8), ("|2", 9))
    ] == [(delivery.id, delivery.order) for delivery in plan]
    bodies = [Body.of(delivery.body) for delivery in plan]
    assert ["First", None, "Then"] == [body.embed and body.embed["title"] for body in bodies]
    assert "see a\\_b" == bodies[1].content
    assert {(True, False)} == {(body.silent, body.digest) for body in bodies}


def test_members_of_audiences_get_every_message() -> None:
    (fan_out,) = fan_outs(discord(TO_ALL + PARTS), an_event())
    assert 3 == len(fan_out.bodies)


@pytest.mark.parametrize(
    ("account", "properties", "turn"),
    [
        ("{{ properties.account }}", {"account": "acme_1"}, "acme_1"),
        ("{{ properties.account }}", {}, "discord"),
        ("{{ properties.account }}", {"account": " a\n b\x1b "}, "a b"),
        ("{{ properties.account }}", {"account": "x" * 500}, "x" * 100),
        ("fixed", {}, "fixed"),
    ],
)
def test_in_whose_turn_members_are_told_is_a_template_too(account: str, properties: dict[str, Any], turn: str) -> None:
    (fan_out,) = fan_outs(discord(TO_ALL + f"account = '{account}'\n"), an_event(properties))
    assert turn == fan_out.account


@pytest.mark.parametrize(
    "slip",
    [
        "account = '{{ 1 / 0 }}'\n",
        "parts = [{ content = 'fine' }, { content = '{{ 1 / 0 }}' }]\n",
        "footer = '{{ 1 / 0 }}'\n",
    ],
)
def test_a_template_that_fails_makes_one_dead_message_for_each_member(slip: str) -> None:
    (fan_out,) = fan_outs(discord(TO_ALL + slip), an_event())
    assert "template of discord.routes#1: ZeroDivisionError: division by zero" == fan_out.fields["reason"]
    assert (State.DEAD, 2, "discord") == (fan_out.fields["state"], fan_out.fields["rung"], fan_out.account)
    assert [{"key": "sign_up:u42", "digest": False, "mentions": []}] == fan_out.bodies
    Delivery.of(an_event(), "discord:1", fan_out.bodies[0], **fan_out.fields)


def test_a_part_that_fails_takes_the_messages_before_it_along() -> None:
    """
    Half of what was to be said is told to nobody.
    """
    (delivery,) = planned(discord(a_route(title="t") + "parts = [{ content = '{{ 1 / 0 }}' }]\n"), an_event())
    assert (State.DEAD, "sign_up:u42|discord:112233445566778899") == (delivery.state, delivery.id)


def test_what_each_entry_names_is_known() -> None:
    assert {"discord.routes#2": ["all", "staff", "all"]} == discord(a_route(title="t"), TO_ALL).audiences()
    assert [] == discord(a_route(title="t"), TO_ALL).warnings()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "{{ properties.x }}",
            "{{ properties.x | raw }}",
            "{{ properties.x | string | upper }}",
            "{{ properties.x | code }}",
            "{% for a in range(50) %}{{ properties.x }}{% endfor %}",
            "{% for a in properties.x %}{{ a }} {% endfor %}",
            "{{ properties }}",
            "{{ distinct_id }}",
            "{{ properties.x + 1 }}",
            "plain *text* 😀",
            "\\",
            " ",
        ]
    ),
    max_size=5,
).map("".join)


@settings(max_examples=20)
@given(
    st.fixed_dictionaries(dict.fromkeys(("title", "body", "footer", "content", "url"), PIECES)),
    JSON,
    st.text(),
    st.integers(0, 2),
)
def test_any_event_through_any_template_gives_a_payload_within_discords_limits(
    entries: dict[str, str], value: Any, distinct_id: str, rung: int
) -> None:
    fields = "fields = [" + ", ".join(["{ name = '{{ properties.x }}', value = '{{ properties }}' }"] * 25) + "]\n"
    consumer = discord(a_route(title=entries.pop("title") or "t", **entries) + fields)
    (delivery,) = planned(consumer, an_event({"x": value}, distinct_id=distinct_id))
    assert_within_limits(compose("1", [delivery]))
    assert_within_limits(compose("1", [Delivery(**fields_of(delivery) | {"rung": max(rung, delivery.rung)})]))


def fields_of(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in Delivery.__slots__}
