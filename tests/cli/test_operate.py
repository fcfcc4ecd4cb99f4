"""The operator's commands: what they ask of a server, and what they print of its answer."""

import errno
import io
import json
import socket
import sys

import pytest

from tests.cli.kit import ok, one_line

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

USER = {
    "nick": "ana", "number": "0123456789012", "here": True, "protocol": "irc", "secure": True,
    "address": "192.0.2.1", "since": "2026-11-20T12:00:00Z", "channels": ["#tea", "#茶"],
    "away": "lunch\u001b[31m", "operator": True, "waiting": 0,
    "server": None, "cut_off": False,
}  # fmt: skip
ABSENT = {"nick": "Bea", "number": "0123456789013", "here": False, "waiting": 3}
CHANNEL = {
    "name": "#tea", "number": "1123456789012", "users": 2, "modes": "+ntl 9", "password": True,
    "topic": "Green tea", "created": "2026-11-20T12:00:00Z", "admins": ["ana", "bob"],
}  # fmt: skip
STATS = {
    "server": "tea.example", "version": "1.2.3", "started": "2026-11-20T12:00:00Z",
    "uptime_s": 7200.5, "users": 3, "protocols": {"json": 1, "irc": 2}, "channels": 4,
    "events": 5, "waiting": 6, "connections": 7, "memory_bytes": 8 << 20,
    "database_bytes": 9 << 10, "servers": 2, "health": "degraded",
    "dropped_until": None, "state": None,
}  # fmt: skip
TOPIC = {
    "channel": "#tea", "topic": "Green tea", "by": "ana!u@h", "at": "2026-11-20T12:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (["say", "#tea", "hello there"], {"do": "say", "target": "#tea", "text": "hello there"}),
        (["say", "&", "-5 degrees"], {"do": "say", "target": "&", "text": "-5 degrees"}),
        (["kick", "#tea", "ana"], {"do": "kick", "channel": "#tea", "user": "ana"}),
        (
            ["kick", "tea", "ana", "--reason", "late"],
            {"do": "kick", "channel": "tea", "user": "ana", "reason": "late"},
        ),
        (["kick", "ana"], {"do": "kill", "user": "ana"}),
        (["kick", "ana", "--reason", "x"], {"do": "kill", "user": "ana", "reason": "x"}),
        (["ban", "tea", "*!*@h"], {"do": "ban", "channel": "tea", "mask": "*!*@h"}),
        (["unban", "tea", "b"], {"do": "ban", "channel": "tea", "mask": "b", "on": False}),
        (["op", "tea", "ana"], {"do": "op", "channel": "tea", "user": "ana"}),
        (
            ["op", "tea", "ana", "--off"],
            {"do": "op", "channel": "tea", "user": "ana", "on": False},
        ),
    ],
)
def test_what_is_done_is_asked_for_and_told(run, listener, words, request_):
    listener.answers = [ok("It was\n done\u001b[1m")]
    assert run(*words) == (0, "It was  done[1m\n", "")
    assert listener.asked == [request_]


def test_each_line_of_standard_input_is_said(run, listener, monkeypatch):
    data = io.BytesIO("one\r\n\n  \nchá\nthree".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    listener.answers = [ok("Said")] * 3
    assert run("say", "#tea", "-") == (0, "", "")
    assert [asked["text"] for asked in listener.asked] == ["one", "chá", "three"]


def test_standard_input_that_is_no_text(run, listener, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n\xff\xfe\n")))
    listener.answers = [ok("Said")]
    assert "line 2 of standard input" in one_line(run("say", "#tea", "-"), 2)


def test_users(run, listener):
    listener.answers = [ok([ABSENT, USER])]
    status, out, _ = run("users", "--all")
    assert status == 0
    assert listener.asked == [{"do": "users", "absent": True}]
    head, ana, bea = out.splitlines()
    assert head.split() == [
        "NICKNAME", "NUMBER", "PROTOCOL", "ADDRESS", "SINCE", "OPERATOR", "AWAY", "CHANNELS",
    ]  # fmt: skip
    for words in ("ana ", "0123456789012", "irc tls", "192.0.2.1", "yes", "lunch[31m", "#tea #茶"):
        assert words in ana
    assert "not here, 3 waiting" in bea
    assert "\x1b" not in out


def test_users_on_several_servers(run, listener):
    elsewhere = {**USER, "nick": "rui", "server": "south.example"}
    cut_off = {**USER, "nick": "tom", "server": "west.example", "cut_off": True}
    listener.answers = [ok([USER, elsewhere, cut_off])]
    _, out, _ = run("users")
    head, ana, rui, tom = out.splitlines()
    assert head.split()[-2:] == ["SERVER", "CHANNELS"]
    assert "-                       #tea" in ana
    assert "south.example           #tea" in rui
    assert "west.example (cut off)  #tea" in tom


def test_users_of_a_channel(run, listener):
    listener.answers = [ok([{**USER, "away": ""}])]
    _, out, _ = run("users", "tea")
    assert listener.asked == [{"do": "users", "channel": "tea"}]
    assert " yes       yes " in out


def test_channels(run, listener):
    listener.answers = [ok([CHANNEL, {**CHANNEL, "name": "#a", "topic": None, "password": False}])]
    _, out, _ = run("channels")
    _, first, second = out.splitlines()
    assert first.startswith("#a ") and " no " in first and first.endswith("-")
    assert second.startswith("#tea ") and " yes " in second and "+ntl 9" in second
    assert second.endswith("ana bob  Green tea")


def test_stats(run, listener):
    listener.answers = [ok(STATS)]
    _, out, _ = run("stats")
    found = dict(line.split("  ", 1) for line in out.splitlines())
    found = {key: value.strip() for key, value in found.items()}
    assert found["server"] == "tea.example, version 1.2.3"
    assert found["up for"].startswith("2 h 0 min, since 2026-11-")
    assert found["users"] == "3 (irc 2, json 1)"
    assert found["memory"] == "8.0 MiB"
    assert found["database"] == "9.0 KiB"
    assert found["other servers"] == "2 reached, degraded"


@pytest.mark.parametrize(
    ("words", "rows"),
    [(["users"], [USER]), (["channels"], [CHANNEL, CHANNEL]), (["stats"], STATS)],
)
def test_json_is_an_object_a_line(run, listener, words, rows):
    listener.answers = [ok(rows)]
    status, out, _ = run(*words, "--json")
    assert status == 0
    assert [json.loads(line) for line in out.splitlines()] == (
        rows if isinstance(rows, list) else [rows]
    )


def test_a_topic(run, listener):
    listener.answers = [ok(TOPIC)]
    status, out, _ = run("topic", "tea")
    assert status == 0
    assert out.startswith("#tea: Green tea (ana, 2026-11-20 ")
    status, out, _ = run("topic", "tea", "Green tea", "--json")
    assert json.loads(out) == TOPIC
    listener.answers = [ok({"channel": "#tea", "topic": None, "by": None, "at": None})]
    assert run("topic", "tea", "") == (0, "#tea has no topic\n", "")
    assert listener.asked == [
        {"do": "topic", "channel": "tea"},
        {"do": "topic", "channel": "tea", "topic": "Green tea"},
        {"do": "topic", "channel": "tea", "topic": ""},
    ]


def test_shutdown_waits_for_the_end(run, listener):
    listener.answers = [ok("The server is shutting down")]
    assert run("shutdown", "--reason", "upgrade") == (0, "", "")
    assert listener.asked == [{"do": "shutdown", "reason": "upgrade"}]


# What goes wrong


def test_what_is_refused_is_one_line(run, listener):
    listener.answers = [b'{"error":"There is no user x\\n\\u001b[1m"}\n']
    assert one_line(run("kick", "x"), 1) == "There is no user x [1m"


def test_no_server(run, folder):
    line = one_line(run("users"), 2)
    assert line == (
        f"no server is running with the data in {folder}; start one with tertulia serve, "
        "or say where with --data"
    )
    socket.socket(socket.AF_UNIX).bind(str(folder / "control"))
    assert one_line(run("stats"), 2) == line
    (folder / "nowhere").mkdir()
    assert "nowhere" in one_line(run("say", "*", "x", data=folder / "nowhere" / "at all"), 2)


def test_a_folder_whose_name_is_too_long_for_an_address(run, folder):
    long = folder / ("d" * 120)
    assert "no server is running" in one_line(run("users", data=long), 2)
    long.mkdir()
    assert "no server is running" in one_line(run("users", data=long), 2)


def test_somebody_elses_server(run, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refused)
    assert "you may not use" in one_line(run("users"), 2)


def test_a_server_that_ends_without_an_answer(run, listener):
    listener.answers = []
    assert one_line(run("stats"), 1) == "the server ended before it had answered"


@pytest.mark.parametrize("words", [["say", "#tea", "ol\udce1"], ["users", "\udcff"]])
def test_arguments_that_are_no_text(run, listener, words):
    assert one_line(run(*words), 2) == "what you gave is not UTF-8"


@pytest.mark.parametrize("answer", [b"garbage\n", b'{"ok":[{"nick":5}]}\n', b"[]\n", b"\xff\n"])
def test_an_answer_that_is_none(run, listener, answer):
    listener.answers = [answer]
    assert one_line(run("users"), 2).startswith("the server's answer cannot be read; ")


def test_a_server_that_does_not_answer(run, listener, monkeypatch):
    monkeypatch.setattr("tertulia.cli.control.TIMEOUT_S", 0.01)
    listener.answers = [b"", b""]  # nothing, and then it listens again
    assert "does not answer within" in one_line(run("stats"), 1)


def test_whom_to_kick_must_be_said(run, listener):
    assert one_line(run("kick", "#tea"), 2) == "say who is to be kicked out of #tea"


@pytest.mark.parametrize(
    "words", [["say", "#tea"], ["ban", "#tea"], ["op", "x"], ["users", "a", "b"], ["topic"]]
)
def test_wrong_use(run, words):
    assert one_line(run(*words), 2).endswith(f"Try: tertulia {words[0]} --help")
