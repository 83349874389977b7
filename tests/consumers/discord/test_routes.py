import re
from itertools import takewhile
from pathlib import Path

import pytest

from consumers.discord.consumer import connect
from consumers.webhook import consumer as webhook
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import parse_config

ROOT = Path(__file__).parents[3]
CHANNELS = """
[discord.channels]
community = "112233445566778899"
lounge = "112233445566778899"
releases = "112233445566778900"
"""
ROUTE = '[[discord.routes]]\nevents = ["sign_up"]\nchannel = "community"\n'


def warnings(text: str) -> list[str]:
    return connect(parse_config(CHANNELS + text, "here.toml")).warnings()


def complaint(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        connect(parse_config(text, "here.toml"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[discord]\nchanels = 1",
            "here.toml: discord.chanels: unknown entry; expected channels, routes; did you mean",
        ),
        ("[discord.channels]\na = 112233445566778899", "discord.channels.a: expected the channel id in quotes"),
        ('[discord.channels]\na = "general"', 'expected a channel id, which is 15 to 20 digits, not "general"'),
        ("[discord]\nroutes = 3", "discord.routes: expected a valid list, not 3"),
    ],
)
def test_a_mistake_in_the_section_is_named_in_one_line(text: str, said: str) -> None:
    assert said in complaint(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('titel = "x"', "discord.routes#1.titel: unknown entry; expected account, audiences, body,"),
        ('titel = "x"', 'did you mean "title"?'),
        ("", "discord.routes#1: expected a title, a body, fields or content, as the message would be empty"),
        ("title = 3", "discord.routes#1.title: expected a valid string, not 3"),
        ('title = "{{ x"', "discord.routes#1.title: line 1 of the template: unexpected end of template"),
        ('title = "{{ propertis.x }}"', 'unknown variable "propertis" in the template; did you mean "properties"?'),
        ('title = "{% if 0 %}{{ key | uper }}{% endif %}"', 'unknown filter "uper" in the template; did you mean'),
        ('title = "{{ key is evn }}"', 'unknown test "evn" in the template; did you mean "even"?'),
        ("title = \"{% include 'a' %}\"", "discord.routes#1.title: a template stands alone"),
        ('title = "x"\nfields = [{ name = "a", value = "{{" }]', "discord.routes#1.fields#1.value: line 1 of the"),
        ('title = "x"\nfields = [{ name = "a" }]', "discord.routes#1.fields#1.value: required, but missing"),
        ('title = "x"\ncolor = "red"', 'discord.routes#1.color: expected a color as in "#5865f2", not "red"'),
        ('title = "x"\ncolor = 16777216', "discord.routes#1.color: expected a color"),
        ('title = "x"\nmentions = ["user"]', 'not "user"; did you mean "users"?'),
        ('title = "x"\ndigest = "no"', 'discord.routes#1.digest: expected a valid boolean, not "no"'),
    ],
)
def test_a_mistake_in_a_route_is_named_in_one_line(text: str, said: str) -> None:
    assert said in complaint(CHANNELS + ROUTE + text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "discord.routes#1: expected a channel, audiences, or both, as nobody would be told"),
        ("audiences = []", "discord.routes#1: expected a channel, audiences, or both"),
        ('audiences = "all"', 'discord.routes#1.audiences: expected a valid list, not "all"'),
        ('audiences = ["all guilds"]', "discord.routes#1.audiences#1: expected an audience's name of up to 64 letters"),
        ('audiences = ["a"]\naccount = "{{ propertis.a }}"', 'discord.routes#1.account: unknown variable "propertis"'),
        ('audiences = ["a"]\nparts = [{}]', "discord.routes#1.parts#1: expected a title, a body, fields or content"),
        (
            'audiences = ["a"]\nparts = [{ body = "x", silent = true }]',
            "discord.routes#1.parts#1.silent: unknown entry",
        ),
        ('audiences = ["a"]\nparts = [{ body = "{{" }]', "discord.routes#1.parts#1.body: line 1 of the template"),
    ],
)
def test_a_mistake_in_audiences_or_parts_is_named_in_one_line(text: str, said: str) -> None:
    assert said in complaint('[[discord.routes]]\nevents = ["sign_up"]\ntitle = "x"\n' + text)


def test_the_routes_of_the_guide_to_audiences_are_right() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "audiences.md").read_text(), re.DOTALL)
    config = parse_config(block)
    assert {"discord.routes#1": ["all-guilds", "staff"]} == connect(config).audiences()
    assert {"webhook.routes#1": ["partners"]} == webhook.connect(config).audiences()


def test_the_commented_routes_of_the_example_are_right() -> None:
    lines = (ROOT / "tellonce.toml").read_text().splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith("# [[")]
    blocks = ["\n".join(line[2:] for line in takewhile(_is_entry, lines[start:])) for start in starts]
    config = parse_config("\n".join(blocks))
    assert {"discord.routes#1": ["all-guilds"]} == connect(config).audiences()
    assert {"webhook.routes#1": ["partners"]} == webhook.connect(config).audiences()


def _is_entry(line: str) -> bool:
    return line.startswith("# ") and ("=" in line or "[[" in line)


def test_a_channel_must_be_one_of_those_named() -> None:
    text = CHANNELS + '[[discord.routes]]\nevents = ["sign_up"]\nchannel = "comunity"\ntitle = "x"'
    said = 'discord.routes#1.channel: unknown channel "comunity"; expected community, lounge, releases; did you mean'
    assert said in complaint(text)


def test_a_route_needs_events() -> None:
    text = CHANNELS + '[[discord.routes]]\nevents = []\nchannel = "community"\ntitle = "x"'
    assert "discord.routes#1.events: expected at least 1 of them, not 0" in complaint(text)


def test_a_type_that_is_nearly_a_known_one_is_a_slip() -> None:
    text = CHANNELS + '[[discord.routes]]\nevents = ["sing_up"]\nchannel = "community"\ntitle = "x"'
    assert 'discord.routes#1.events: unknown type "sing_up"; did you mean "sign_up"?' in complaint(text)


def test_a_type_without_a_key_policy_is_warned_of() -> None:
    (line,) = warnings('[[discord.routes]]\nevents = ["deploy"]\nchannel = "community"\ntitle = "x"')
    assert "discord.routes#1: type 'deploy' has no key policy" in line


def test_a_route_that_another_shadows_is_warned_of_even_under_another_name_of_the_channel() -> None:
    other = '[[discord.routes]]\nevents = ["*"]\nchannel = "lounge"\ntitle = "y"\n'
    (line,) = warnings(other + ROUTE + 'title = "x"')
    assert "discord.routes#2: 'sign_up' already goes to channel 'community' by routes#1" in line


def test_a_route_for_all_other_types_is_no_mistake() -> None:
    rest = '[[discord.routes]]\nevents = ["*"]\nchannel = "community"\ntitle = "y"\n'
    assert warnings(ROUTE + 'title = "x"\n' + rest) == []
