"""``tertulia chat --plain``: lines in, lines out, against real servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.behaviour.clients import PATIENCE_S
from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.places import TERTULIA as PROGRAM
from tests.behaviour.places import Place, Process, environment, process_of, running

TEA = "#tea"


class Chatter(Process):
    """The client as a process; lines go in and come out."""

    def type(self, *lines: str) -> None:
        assert self.process.stdin is not None
        for line in lines:
            self.process.stdin.write(f"{line}\n".encode())

    def end_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def shows(self, text: str) -> str:
        """Wait for a line with *text* in it; return what stands before it."""
        while text not in (line := await self._line(self.process.stdout)):
            assert line, (text, await self.said())
        return line.rstrip("\n")


@contextlib.asynccontextmanager
async def chatting(home: Path, *arguments: str, **variables: str) -> AsyncIterator[Chatter]:
    """Run the client, with its files in *home*."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "chat", *arguments, stdin=pipe, stdout=pipe, stderr=pipe,
        env=environment(home, LANGUAGE="en", **variables),
    )  # fmt: skip
    try:
        yield Chatter(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def chats(home: Path, given: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Run the client with this input to its end; return status, output and errors."""
    variables = environment(home, **{"LANGUAGE": "en", **more})
    async with process_of((*PROGRAM, "chat", *arguments), variables, given) as process:
        return await process.said()


def uri(place: Place, path: str = "") -> str:
    return f"irc://127.0.0.1:{place.ports['irc']}{path}"


async def test_two_people_talk(place: Place, tmp_path: Path) -> None:
    where = uri(place, f"/{TEA}")
    async with (
        chatting(tmp_path / "a", where, "--nick", "ana") as ana,
        chatting(tmp_path / "r", where, "--nick", "rui") as rui,
    ):
        await ana.shows("#tea * ana has come in")
        await rui.shows("#tea * rui has come in")
        ana.type("boa tarde!", "/msg rui só para você", "/poke rui")
        await rui.shows("#tea <ana> boa tarde!")
        await rui.shows("ana <ana> só para você")
        await rui.shows("#tea * ana pokes rui")
        rui.type("/me acena", "/msg ana \x1b[31mred")
        await ana.shows("#tea * rui acena")
        await ana.shows("rui <rui> [31mred")
        for client in (ana, rui):
            client.end_input()
            status, _, errors = await client.said()
            assert status == 0, errors


async def test_all_that_was_piped_in_is_stored_before_it_ends(place: Place, tmp_path: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(120))
    status, out, errors = await chats(tmp_path, lines, uri(place, f"/{TEA}"), "--nick", "ana")
    assert (status, len(out.splitlines())) == (0, 121), errors
    witness: Ircv3Client = await place.ircv3("eva")
    await witness.enter(TEA)
    said = [one.params[-1] for one in await witness.history(TEA) if one.command == "PRIVMSG"]
    assert said[-1] == "line 119"


async def test_whoever_comes_for_the_first_time_is_in_the_room(
    place: Place, tmp_path: Path
) -> None:
    status, out, _ = await chats(tmp_path, "hello\n", uri(place), "--nick", "ana")
    assert status == 0
    assert "#lobby <ana> hello" in out


async def test_who_and_where_one_was_is_remembered(place: Place, tmp_path: Path) -> None:
    status, _, _ = await chats(tmp_path, "one\n", uri(place, f"/{TEA}"), "--nick", "ana")
    assert status == 0
    status, out, errors = await chats(tmp_path, "two\n", uri(place))
    assert status == 0, errors
    # What was shown the last time is not shown again.
    assert [line[6:] for line in out.splitlines()] == ["#tea * ana has come in", "#tea <ana> two"]
    kept = tmp_path / "config" / "tertulia" / "identities.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    [identity] = json.loads(kept.read_bytes())["identities"]
    assert (identity["name"], identity["nick"]) == ("default", "ana")


async def test_what_was_said_meanwhile_comes(place: Place, tmp_path: Path) -> None:
    rui = await place.ircv3("rui")
    await rui.enter(TEA)
    await chats(tmp_path, "one\n", uri(place, f"/{TEA}"), "--nick", "ana")
    rui.tell("ana", "are you there?")
    rui.say(TEA, "where is ana?")
    await rui.expect_said("rui", TEA, "where is ana?")
    _, out, _ = await chats(tmp_path, "", uri(place))
    assert "rui <rui> are you there?" in out
    assert out.count("#tea <rui> where is ana?") == 1


async def test_several_identities(place: Place, tmp_path: Path) -> None:
    for name in ("ana", "bia"):
        _, out, _ = await chats(tmp_path, "/whois\nhi\n", uri(place, f"/{TEA}"), "--as", name)
        assert f"#tea <{name}> hi" in out
    kept = tmp_path / "config" / "tertulia" / "identities.json"
    identities = json.loads(kept.read_bytes())["identities"]
    assert [one["name"] for one in identities] == ["ana", "bia"]
    assert len({one["number"] for one in identities}) == 2


async def test_a_second_client_under_the_same_name_is_a_guest(place: Place, tmp_path: Path) -> None:
    where = uri(place, f"/{TEA}")
    async with chatting(tmp_path, where, "--nick", "ana") as ana:
        await ana.shows("ana has come in")
        status, out, errors = await chats(tmp_path, "hello\n", where, "--nick", "ana")
        assert status == 0, errors
        assert "this one is a guest" in errors
        assert "<ana_> hello" in out
        await ana.shows("<ana_> hello")
        ana.type("still here")
        await ana.shows("<ana> still here")


async def test_what_was_asked_is_answered_before_it_ends(place: Place, tmp_path: Path) -> None:
    given = "/topic tea time\n/topic\n/names\n/whois ana\n/list\n/quit bye\nnever said\n"
    status, out, _ = await chats(tmp_path, given, uri(place, f"/{TEA}"), "--nick", "ana")
    assert status == 0
    for text in ("#tea: tea time", "#tea: @ana", "ana  number: ", "#tea  1  tea time"):
        assert text in out
    assert "never said" not in out


async def test_what_could_not_be_done_is_told_and_is_the_status(
    place: Place, tmp_path: Path
) -> None:
    given = "/nope\n/msg nobody hi\n/kick rui\nhello\n"
    status, out, errors = await chats(tmp_path, given, uri(place, f"/{TEA}"), "--nick", "ana")
    assert status == 1
    assert "#tea <ana> hello" in out
    assert "There is no command /nope" in errors
    assert "nobody: hi: " in errors
    assert all(line.startswith("tertulia: ") for line in errors.splitlines())


async def test_the_server_goes_and_comes_again(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    async with running(data) as place:
        port = place.ports["irc"]
        client = chatting(home, uri(place, f"/{TEA}"), "--nick", "ana")
        ana = await client.__aenter__()
        await ana.shows("ana has come in")
        ana.type("before")
        await ana.shows("<ana> before")
    try:
        await ana.logged("no connection, trying again")
        ana.type("meanwhile")
        ana.end_input()
        async with running(data, schemes=(f"irc:{port}",)):
            status, out, _ = await ana.said()
            assert status == 0
            assert out.count("<ana> meanwhile") == 1
            assert "<ana> before" not in out
    finally:
        await client.__aexit__(None, None, None)


async def test_nobody_answers(tmp_path: Path, place: Place) -> None:
    status, out, errors = await chats(tmp_path, "hello\n", "irc://127.0.0.1:1", "--nick", "ana")
    assert (status, out) == (1, "")
    assert errors == "tertulia: irc://127.0.0.1:1: offline (Connection refused)\n"


async def test_what_is_wrong_with_the_command_is_one_line(tmp_path: Path) -> None:
    for arguments in (["http://x"], ["x", "--lang", "klingon"], ["x", "--as", "a/b"]):
        status, out, errors = await chats(tmp_path, "", *arguments)
        assert (status, out) == (2, "")
        assert errors.startswith("tertulia: ")
        assert errors.count("\n") == 1


async def test_a_file_that_is_not_in_order(tmp_path: Path, place: Place) -> None:
    path = tmp_path / "config" / "tertulia" / "identities.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    status, _, errors = await chats(tmp_path, "", uri(place))
    assert status == 2
    assert errors.startswith(f"tertulia: {path} is not what this client writes: ")
    assert path.read_text() == "{"


async def test_in_portuguese(place: Place, tmp_path: Path) -> None:
    where = uri(place, f"/{TEA}")
    _, out, _ = await chats(tmp_path, "/quem\n", where, "--nick", "ana", LANGUAGE="pt_BR")
    assert "#tea * ana entrou" in out
    assert "1 pessoa" in out
    _, out, _ = await chats(tmp_path, "/who\n", where, "--lang", "en", LANGUAGE="pt_BR")
    assert "1 person" in out


async def test_the_reader_goes_and_all_is_said(place: Place, tmp_path: Path) -> None:
    eva = await place.ircv3("eva")
    await eva.enter(TEA)
    async with chatting(tmp_path, uri(place, f"/{TEA}"), "--nick", "ana") as ana:
        await ana.shows("ana has come in")
        ana.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        ana.type("one", "two")
        await eva.expect_said("ana", TEA, "one")
        await eva.expect_said("ana", TEA, "two")
        ana.end_input()
        async with asyncio.timeout(PATIENCE_S):
            assert await ana.process.wait() == 0


async def test_ctrl_c_ends_it(place: Place, tmp_path: Path) -> None:
    async with chatting(tmp_path, uri(place, f"/{TEA}"), "--nick", "ana") as ana:
        await ana.shows("ana has come in")
        ana.process.send_signal(signal.SIGINT)
        status, _, errors = await ana.said()
        assert status == 130
        assert "Traceback" not in errors


async def test_a_certificate_is_remembered_and_another_one_refused(tmp_path: Path) -> None:
    first, second, home = tmp_path / "1", tmp_path / "2", tmp_path / "home"
    async with running(first, schemes=("ircs",)) as place:
        port = place.ports["ircs"]
        where = f"ircs://127.0.0.1:{port}"
        status, _, errors = await chats(home, "hello\n", where, "--nick", "ana")
        assert status == 0, errors
        assert f"{where} is new here; its certificate is remembered: " in errors
        status, _, errors = await chats(home, "again\n", where)
        assert (status, "certificate" in errors) == (0, False)
    async with running(second, schemes=(f"ircs:{port}",)):
        status, out, errors = await chats(home, "hello\n", where)
        assert (status, "hello" in out) == (1, False)
        line = next(line for line in errors.splitlines() if "--trust" in line)
        trusted = line.rpartition("--trust ")[2]
        status, out, errors = await chats(home, "hello\n", where, "--trust", trusted)
        assert status == 0, errors
        assert "<ana> hello" in out
