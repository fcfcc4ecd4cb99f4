"""The program itself: what it prints, how it ends, and what is there when it starts again."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import ClassicClient, DiscoveryClient
from tests.behaviour.places import Process, tertulia_process, tertulia_says

TEA = "#tea"
LISTEN = ["--listen", "irc://127.0.0.1:0", "--listen", "json://127.0.0.1:0", "--listen"]
LISTEN += ["rech://127.0.0.1:0"]
UNLIMITED = {"TERTULIA__LIMITS__COMMANDS_PER_SECOND": "0"}


def serve(home: Path, *arguments: str, **variables: str):
    """Run ``tertulia serve`` with its data in *home*."""
    data = str(home / "data")
    return tertulia_process(home, "serve", "--data", data, *arguments, **UNLIMITED, **variables)


def one_line(errors: str, *words: str) -> None:
    """Check that *errors* is one line for a person, with *words* in it."""
    assert errors.startswith("tertulia: "), errors
    assert errors.count("\n") == 1, errors
    for word in words:
        assert word in errors


async def test_it_says_where_it_listens_and_tells_all_when_it_stops(tmp_path: Path) -> None:
    async with serve(tmp_path, *LISTEN, "--listen", "ircs://127.0.0.1:0") as process:
        await process.ready()
        assert [uri.partition("://")[0] for uri in process.uris] == ["irc", "json", "rech", "ircs"]
        assert all(re.fullmatch(r"[a-z]+://127\.0\.0\.1:[1-9]\d*", uri) for uri in process.uris)
        ana = await process.irc("ana")
        rui = await process.meet("json", "rui")
        eva = await process.meet("rech", "eva")
        stranger = await process.knock(IrcClient)
        secret = "lemon balm"
        ana.tell("rui", secret)
        await rui.expect_told("ana", secret)
        process.process.send_signal(signal.SIGTERM)
        for client in (ana, rui, eva):
            await client.expect_goodbye("shutting down")
        await stranger.expect_closed()
        status, out, errors = await process.said()
        assert status == 0
        assert out == ""
        assert secret not in errors
        assert "Traceback" not in errors


async def test_ctrl_c_is_as_good(tmp_path: Path) -> None:
    async with serve(tmp_path, *LISTEN) as process:
        await process.ready()
        process.process.send_signal(signal.SIGINT)
        status, _, errors = await process.said()
        assert status == 0
        assert "Traceback" not in errors


async def test_all_that_lasts_is_there_after_a_restart(tmp_path: Path) -> None:
    async with serve(tmp_path, *LISTEN) as process:
        await process.ready()
        ana = await process.ircv3("ana")
        await ana.enter(TEA)
        ana.set_topic(TEA, "chá às cinco")
        await ana.set_modes(TEA, "+imlb-t 9 bad!*@*")
        await ana.set_modes(TEA, "+e good!*@*")
        await ana.set_modes(TEA, "+I ana!*@*")
        await ana.set_modes(TEA, "+k canela")
        rui = await process.come(ClassicClient, "rui")
        rui.join("#coffee", "noz")
        await rui.expect_joined("rui", "#coffee")
        for i in range(20):
            ana.say(TEA, f"message {i}")
        await ana.expect_said("ana", TEA, "message 19")
        number = await own_number(ana)
        before = await ana.history(TEA)
        status, _, _ = await process.terminate()
        assert status == 0
    async with serve(tmp_path, *LISTEN) as process:
        await process.ready()
        ana = await process.ircv3("ana")
        eva = await process.come(DiscoveryClient, "eva")
        for key in (None, "noz"):
            eva.join(TEA, key)
            await eva.expect_error()
        eva.join("#coffee", "canela")
        await eva.expect_error("password")
        eva.join("#coffee", "noz")
        await eva.expect_joined("eva", "#coffee")
        assert await own_number(ana) == number
        ana.join(TEA, "canela")
        await ana.expect_joined("ana", TEA)
        await ana.expect_seen("reply", whom="332", text=f"ana {TEA} chá às cinco")
        ana.send(f"MODE {TEA}")
        modes = (await ana.expect_seen("reply", whom="324")).raw.params
        assert set(modes[2]) == set("+imnkl")
        assert modes[3:] == ["*", "9"]
        for mode, item, end in (("b", "367", "368"), ("e", "348", "349"), ("I", "346", "347")):
            ana.send(f"MODE {TEA} +{mode}")
            (line,) = await ana.answer(item, end)
            assert line.params[2] == {"b": "bad!*@*", "e": "good!*@*", "I": "ana!*@*"}[mode]
        again = [line for line in await ana.history(TEA) if line.tags["time"]]
        ids = [line.tags["msgid"] for line in before]
        assert [line.tags["msgid"] for line in again][: len(ids)] == ids
        texts = [line.params[-1] for line in again if line.command == "PRIVMSG"]
        assert texts == [f"message {i}" for i in range(20)]
        await process.terminate()


async def own_number(client: IrcClient) -> str:
    client.send(f"WHOIS {client.nick}")
    (line,) = await client.answer("378", "318")
    return line.params[-1].rpartition(" ")[2]


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with serve(tmp_path, *LISTEN) as first:
        await first.ready()
        async with serve(tmp_path, *LISTEN) as second:
            status, out, errors = await second.said()
            assert (status, out) == (2, "")
            one_line(errors, "another server", str(tmp_path / "data"))
        ana = await first.irc("ana")
        await ana.fence()


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[limits]\nlogin = 5", ["limits.login", "limits.login_s"]),
        ("[limit]\nlogin_s = 5", ["limit", "limits"]),
        ('[limits]\nlogin_s = "soon"', ["limits.login_s"]),
        ("[limits]\nlogin_s = -1", ["limits.login_s", "0 or more"]),
        ('[log]\nformat = "xml"', ["log.format"]),
        ("[server]\nallow_public = 7", ["server.allow_public"]),
        ("[server", ["settings.toml", "not TOML"]),
        ('[tls]\ncertificate = "x.pem"', ["tls.certificate", "tls.key"]),
    ],
)
async def test_a_wrong_setting_is_named(tmp_path: Path, toml: str, words: list[str]) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(toml)
    async with serve(tmp_path, *LISTEN, "--config", str(config)) as process:
        status, out, errors = await process.said()
    assert (status, out) == (2, "")
    one_line(errors, *words)


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--listen", "gopher://127.0.0.1:70"], {}, ["gopher://", "irc://"]),
        (["--listen", "irc://127.0.0.1:99999"], {}, ["99999", "port"]),
        (["--lisen", "irc://127.0.0.1:0"], {}, ["--lisen"]),
        (["--config", "nowhere.toml"], {}, ["nowhere.toml"]),
        (LISTEN, {"TERTULIA__LIMITS__PING": "5"}, ["limits.ping", "limits.ping_s"]),
    ],
)
async def test_a_wrong_argument_is_named(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], words: list[str]
) -> None:
    async with serve(tmp_path, *arguments, **variables) as process:
        status, out, errors = await process.said()
    assert (status, out) == (2, "")
    one_line(errors, *words)


async def test_a_chosen_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with serve(tmp_path, "--listen", f"irc://127.0.0.1:{port}") as process:
            status, out, errors = await process.said()
    assert (status, out) == (2, "")
    # It is the last line; what was logged may stand before it.
    one_line(errors.splitlines(keepends=True)[-1], "irc", str(port))
    assert "Traceback" not in errors


async def test_a_default_port_that_is_taken_is_a_warning(tmp_path: Path) -> None:
    # An address of this machine that nothing else is likely to use. Where another server has
    # the port on all addresses, it is taken as well.
    address = "127.83.19.5"
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server((address, 6667)))
        async with serve(tmp_path, "-a", address) as process:
            await process.ready()
            assert "rech" in process.ports
            assert "irc" not in process.ports
            status, _, errors = await process.terminate()
    assert status == 0
    assert re.search(r"warning.*port taken.*6667.*irc", errors) or re.search(
        r"warning.*port taken.*irc.*6667", errors
    )


async def test_sighup_takes_new_certificates_and_settings(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('[server]\nmotd = "first"')
    certificate = tmp_path / "data" / "tls.crt"
    listen = ["--listen", "ircs://127.0.0.1:0", "--config", str(config)]
    async with serve(tmp_path, *listen) as process:
        await process.ready()
        first = await secure(process, certificate, "ana")
        assert any(s.text.endswith("first") for s in first.seen)
        old = certificate.read_bytes()
        certificate.unlink()
        config.write_text('[server]\nmotd = "second"')
        process.process.send_signal(signal.SIGHUP)
        await process.logged("settings applied")
        assert certificate.read_bytes() != old
        second = await secure(process, certificate, "rui")
        assert any(s.text.endswith("second") for s in second.seen)
        config.write_text("[server]\nmotto = 5")
        process.process.send_signal(signal.SIGHUP)
        assert "server.motto" in await process.logged("settings not applied")
        await first.fence()
        status, _, _ = await process.terminate()
        assert status == 0


async def secure(process: Process, certificate: Path, nick: str) -> IrcClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    client = await process.knock(IrcClient, "ircs", tls=context)
    await client.log_in(nick)
    return client


# Searching


async def test_what_was_said_is_found(tmp_path: Path) -> None:
    data = str(tmp_path / "data")

    async def found(*arguments: str) -> list[str]:
        status, out, errors = await tertulia_says(
            tmp_path, "search", *arguments, "--json", "--data", data
        )
        rows = [json.loads(line) for line in out.splitlines()]
        assert (status == 0) == bool(rows), errors
        return [f"{row['target']} {row['from']} {row['text']}" for row in rows]

    async with serve(tmp_path, *LISTEN) as process:
        await process.ready()
        ana = await process.irc("ana")
        rui = await process.meet("json", "rui")
        for channel in (TEA, "#coffee"):
            await ana.enter(channel)
            await rui.enter(channel)
        ana.say(TEA, "O pão está quente")
        ana.say("#coffee", "pão com manteiga")
        await rui.expect_said("ana", "#coffee", "pão com manteiga")
        rui.say(TEA, "prefiro o pão de ontem")
        await ana.expect_said("rui", TEA, "prefiro o pão de ontem")
        # While the server runs …
        assert await found("PAO") == [
            f"{TEA} ana O pão está quente",
            "#coffee ana pão com manteiga",
            f"{TEA} rui prefiro o pão de ontem",
        ]
        await process.terminate()
    # … and while it does not.
    assert await found("pão", "--channel", "coffee") == ["#coffee ana pão com manteiga"]
    assert await found("pão", "--from", "RUI") == [f"{TEA} rui prefiro o pão de ontem"]
    assert await found("pão ontem") == [f"{TEA} rui prefiro o pão de ontem"]
    assert await found('"pao com"') == ["#coffee ana pão com manteiga"]
    assert await found("mant*") == ["#coffee ana pão com manteiga"]
    assert len(await found("pao", "--after", "2020-01-01", "--before", "2999-01-01")) == 3
    assert await found("pao", "--before", "2020-01-01") == []
    assert await found("pao", "--after", "2999-01-01T10:00") == []
    assert await found("queijo") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "--after", "yesterday"], ["--after", "yesterday", "2026-11-20"]),
        (["x", "--channel", "#nowhere"], ["#nowhere"]),
        (['"x'], []),
    ],
)
async def test_a_search_that_makes_no_sense_is_one_line(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    async with serve(tmp_path, *LISTEN) as process:
        await process.ready()
        await process.terminate()
    status, out, errors = await tertulia_says(
        tmp_path, "search", *arguments, "--data", str(tmp_path / "data")
    )
    assert out == ""
    assert "Traceback" not in errors and errors.count("\n") == 1
    assert status == (2 if words else 1) or errors.startswith("tertulia: ")
    assert all(word in errors for word in words)


async def test_a_search_where_there_is_no_server_is_one_line(tmp_path: Path) -> None:
    status, _, errors = await tertulia_says(tmp_path, "search", "x", "--data", str(tmp_path))
    assert status == 2
    one_line(errors, str(tmp_path), "--data")
