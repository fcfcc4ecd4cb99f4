"""Settings: defaults, a file, the environment; and what is said about wrong ones."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tertulia.domain.world import Rules
from tertulia.server import settings as module
from tertulia.server.settings import (
    ServerSettings,
    Settings,
    SettingsError,
    load,
    read_motd,
    read_password,
)

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tertulia.toml"

    def write(text):
        path.write_text(text)
        return path

    return write


def from_environment(**variables):
    names = {f"TERTULIA__{key}": value for key, value in variables.items()}
    return load(None, {"HOME": "/", "TERTULIA": "x", "OTHER__X": "y", **names})


def refusal(file, text="", **variables):
    """The line that says what is wrong."""
    names = {f"TERTULIA__{key}": value for key, value in variables.items()}
    with pytest.raises(SettingsError) as raised:
        load(file(text), names)
    line = str(raised.value)
    assert "\n" not in line
    return line


# What is set


def test_the_defaults():
    assert load(None, {}) == Settings()
    assert Settings().rules() == Rules()
    assert module._NAME.fullmatch(Settings().server.name)


def test_the_documentation_shows_the_defaults():
    [example] = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    shown = tomllib.loads(example)
    del shown["operators"], shown["server"]["name"]
    defaults = msgspec.json.decode(msgspec.json.encode(Settings()))
    for section, values in shown.items():
        for key, value in values.items():
            assert defaults[section][key] == value, f"{section}.{key}"
    # What has no default is shown in a comment.
    for section, values in defaults.items():
        if isinstance(values, dict):
            for key in values:
                assert re.search(rf"^(# )?{key} = ", example, re.MULTILINE), f"{section}.{key}"


def test_a_file(file):
    found = load(
        file(
            f"""
            [server]
            name = "tea.example"
            motd = "one\\ntwo"
            motd_file = "~/motd"
            [limits]
            commands_per_second = 2.5
            connections = 0
            [channels]
            topic_bytes = 100
            grace_s = 60
            broadcast = "operators"
            [history]
            search = false
            [network]
            peers = ["one.example:7448", "[fd00::1]"]
            banned = ["two.example"]
            secret_file = "~/secret"
            [[operators]]
            name = "ana"
            password = "{HASH}"
            [[operators]]
            name = "bob"
            password = "{HASH}"
            """
        ),
        {},
    )
    assert found.server.name == "tea.example"
    assert found.server.motd_file == Path.home() / "motd"
    assert (found.limits.commands_per_second, found.limits.connections) == (2.5, 0)
    assert found.limits.commands_burst == Settings().limits.commands_burst
    rules = found.rules()
    assert (rules.topic_bytes, rules.channel_grace_s, rules.broadcast) == (100, 60, "operators")
    assert not found.history.search
    assert found.network.peers == ("one.example:7448", "[fd00::1]")
    assert found.network.banned == ("two.example",)
    assert found.network.secret_file == Path.home() / "secret"
    assert [operator.name for operator in found.operators] == ["ana", "bob"]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("SERVER__NAME", "tea.example", "tea.example"),
        ("SERVER__NAME", '"tea.example"', "tea.example"),
        ("SERVER__MOTD", "Be kind, or else", "Be kind, or else"),
        ("SERVER__MOTD", "", ""),
        ("SERVER__MOTD", '"a\\nb"', "a\nb"),
        ("SERVER__ALLOW_PUBLIC", "true", True),
        ("LIMITS__CONNECTIONS", "7", 7),
        ("LIMITS__CONNECTIONS", '"7"', 7),
        ("LIMITS__LOGIN_S", "1.5", 1.5),
        ("LIMITS__LOGIN_S", "2", 2),
        ("HISTORY__SEARCH", "false", False),
        ("NETWORK__TABLE_PEERS", '["10.0.0.1", "fd00::/8"]', ("10.0.0.1", "fd00::/8")),
        ("LOG__FORMAT", "json", "json"),
        ("TLS__KEY", "/x/key", None),  # with the certificate, below
    ],
)
def test_the_environment(key, text, value):
    if key == "TLS__KEY":
        found = from_environment(TLS__KEY=text, TLS__CERTIFICATE="/x/crt")
        assert found.tls.key == Path("/x/key")
        return
    section, _, field = key.lower().partition("__")
    assert getattr(getattr(from_environment(**{key: text}), section), field) == value


def test_the_environment_comes_before_the_file(file):
    path = file('[server]\nname = "a.example"\ndescription = "from the file"')
    found = load(path, {"TERTULIA__SERVER__NAME": "b.example"})
    assert (found.server.name, found.server.description) == ("b.example", "from the file")


def test_a_table_in_the_environment():
    found = from_environment(OPERATORS=f'[{{name = "ana", password = "{HASH}"}}]')
    assert found.operators[0].name == "ana"
    assert from_environment(LIMITS="{connections = 3}").limits.connections == 3


def test_the_processs_own_environment(monkeypatch):
    monkeypatch.setenv("TERTULIA__SERVER__NAME", "here.example")
    assert load(None).server.name == "here.example"


# What is refused


@pytest.mark.parametrize(
    ("text", "begins", "near"),
    [
        ("[servr]\nname = 'x'", "servr:", "server"),
        ("[server]\nnam = 'x'", "server.nam:", "server.name"),
        ("[limits]\nconections = 1", "limits.conections:", "limits.connections"),
        ("[limits]\nzzz = 1", "limits.zzz:", "limits."),
        ("operator = []", "operator:", "operators"),
        (f"[[operators]]\nnick = 'x'\npassword='{HASH}'", "operators.nick:", "operators.name"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(file, text, begins, near):
    line = refusal(file, text)
    assert line.startswith(f"{begins} there is no such setting; the nearest is {near}")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nname = 5", "server.name"),
        ("[server]\nmotd_file = 5", "server.motd_file"),
        ("[server]\nallow_public = 'perhaps'", "server.allow_public"),
        ("server = 5", "server"),
        ("[limits]\nconnections = 'many'", "limits.connections"),
        ("[limits]\nconnections = 1.5", "limits.connections"),
        ("[limits]\nconnections = []", "limits.connections"),
        ("[log]\nformat = 'xml'", "log.format"),
        ("[channels]\nbroadcast = 'nobody'", "channels.broadcast"),
        ("operators = 'ana'", "operators"),
        ("[[operators]]\nname = 'ana'", "operators[0]"),
    ],
)
def test_a_wrong_type_names_the_key(file, text, key):
    assert refusal(file, text).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[limits]\noutput_bytes = -1", "limits.output_bytes: must be 0 or more, not -1"),
        (
            "[network]\ntable_peers = ['here']",
            "network.table_peers: write addresses like 192.0.2.1 and networks like 192.0.2.0/24:"
            " 'here' does not appear to be an IPv4 or IPv6 network",
        ),
        (
            "[network]\ntable_peers = ['10.0.0.1/8']",
            "network.table_peers: write addresses like 192.0.2.1 and networks like 192.0.2.0/24:"
            " 10.0.0.1/8 has host bits set",
        ),
        (
            "[network]\ntable_peers = ['::ffff:10.0.0.1']",
            "network.table_peers: write addresses like 192.0.2.1 and networks like 192.0.2.0/24:"
            " ::ffff:10.0.0.1 is an IPv4 address in IPv6",
        ),
        ("[channels]\ngrace_s = -5", "channels.grace_s: must be 0 or more, not -5"),
        ("[network]\ngrace_s = -1", "network.grace_s: must be 0 or more, not -1.0"),
        ("[network]\ngrace_s = inf", "network.grace_s: must be a day (86400) or less"),
        ("[history]\npage = -5", "history.page: must be 0 or more, not -5"),
        ("[limits]\nping_s = nan", "limits.ping_s: must be 0 or more, not nan"),
        ("[limits]\ncommands_burst = 0", "limits.commands_burst: must be 1 or more"),
        ("[tls]\nkey = '/x'", "tls.certificate and tls.key: give both, or neither"),
        ("[tls]\ncertificate = '/x'", "tls.certificate and tls.key: give both, or neither"),
        (
            "[network]\npeers = ['one:7447', 'fd00::1']",
            "network.peers: 'fd00::1': write an IPv6 address in brackets, like [fd00::1]:7447",
        ),
        (
            "[network]\npeers = ['one:x']",
            "network.peers: 'one:x': the port is a number from 1 to 65535",
        ),
        (
            "[[operators]]\nname = 'ana'\npassword = 'secret'",
            "operators.password: must be an argon2id hash; tertulia hash-password makes one",
        ),
    ],
)
def test_a_wrong_value_says_what_is_allowed(file, text, line):
    assert refusal(file, text) == line


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", "a:b", "é.example", "a" * 64, "*"])
@pytest.mark.parametrize("key", ["name", "network"])
def test_a_wrong_name(file, name, key):
    assert refusal(file, f"[server]\n{key} = '{name}'").startswith(f"server.{key}: letters")


def test_no_limit_on_commands_needs_no_burst(file):
    found = load(file("[limits]\ncommands_per_second = 0\ncommands_burst = 0"), {})
    assert found.limits.commands_per_second == 0


@pytest.mark.parametrize(
    ("variable", "text", "begins"),
    [
        ("SERVER__NAM", "x", "server.nam:"),
        ("SERVER", "x", "server:"),
        ("SERVER__NAME__X", "x", "server.name"),
        ("LIMITS__CONNECTIONS", "many", "limits.connections:"),
        ("OPERATORS__NAME", "x", "operators"),
        ("", "x", ":"),
    ],
)
def test_a_wrong_variable(file, variable, text, begins):
    assert refusal(file, "[server]\nname = 'x'", **{variable: text}).startswith(begins)


def test_a_value_in_the_way_of_a_section(file):
    assert "name is not a section" in refusal(file, "[server]\nname = 'x'", SERVER__NAME__X="x")


def test_files_that_are_none(file, tmp_path):
    assert "is not TOML" in refusal(file, "[server")
    with pytest.raises(SettingsError, match=r"cannot read .*missing\.toml"):
        load(tmp_path / "missing.toml", {})
    with pytest.raises(SettingsError, match="cannot read"):
        load(tmp_path, {})
    path = tmp_path / "latin"
    path.write_bytes(b"[server]\nmotd = '\xe9'")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(path, {})


# Files that settings name


def test_the_message_of_the_day(tmp_path):
    assert read_motd(ServerSettings()) == ()
    assert read_motd(ServerSettings(motd="one\ntwo\n")) == ("one", "two")
    path = tmp_path / "motd"
    path.write_text("from\nthe file\n")
    assert read_motd(ServerSettings(motd="one", motd_file=path)) == ("from", "the file")
    path.write_bytes(b"\xff")
    for wrong in (path, tmp_path / "missing"):
        with pytest.raises(SettingsError, match=r"^server\.motd_file: cannot read "):
            read_motd(ServerSettings(motd_file=wrong))


def test_the_password(tmp_path):
    path = tmp_path / "password"
    path.write_text(" se cret \r\n")
    assert read_password(path) == " se cret "
    for content in (b"", b"\n", b"\xff\n"):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=r"^server\.password_file: ") as raised:
            read_password(path)
        assert "\n" not in str(raised.value)
    with pytest.raises(SettingsError, match=r"^server\.password_file: cannot read "):
        read_password(tmp_path / "missing")
