"""tertulia search: what it finds, and how it says so."""

import json
import re
import sys
import time

import pytest

from tertulia.cli import main as program
from tertulia.domain.channels import Channel
from tertulia.domain.ids import Conversation, at_milliseconds, msgid, origin_tag
from tertulia.domain.names import ChannelName, Number
from tertulia.storage.records import add_channel
from tests.storage.kit import BOB, TEA, Disk, said

DAY_MS = 86_400_000
NOON_MS = 1_700_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2  # 2023-11-14, 12:00 UTC
COFFEE = Conversation(6000)

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    disk = Disk(tmp_path_factory.mktemp("data"))
    for name, where in (("#Tea", TEA), ("#coffee", COFFEE)):
        channel = Channel(ChannelName.parse(name), Number("1" + "0" * 12), where, 0)
        channel.origin = msgid(0, where)
        add_channel(disk.db, channel)
    disk.append(
        said(NOON_MS, "green tea leaves"),
        said(NOON_MS + DAY_MS, "black tea", by=BOB),
        said(NOON_MS + 2 * DAY_MS, "no tea here", where=COFFEE, target="#coffee"),
    )
    yield disk
    disk.close()


@pytest.fixture
def search(disk, monkeypatch, capsys):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def search(*words, data=disk.path.parent):
        monkeypatch.setattr(sys, "argv", ["tertulia", "search", *words, "--data", str(data)])
        with pytest.raises(SystemExit) as raised:
            program()
        out, err = capsys.readouterr()
        return raised.value.code, out.splitlines(), err

    yield search
    monkeypatch.undo()
    time.tzset()


def texts(result):
    status, lines, err = result
    assert (status, err) == (0, "")
    return [line.partition("> ")[2] for line in lines]


def refusal(result):
    status, lines, err = result
    assert (status, lines) == (2, [])
    [line] = err.splitlines()
    return line.removeprefix("tertulia: ")


def test_for_people(search):
    assert search("leaves") == (
        0, ["2023-11-14 12:00:00  #tea  <ana> green tea leaves"], ""
    )  # fmt: skip


def test_for_programs(search, disk):
    status, lines, _ = search("tea", "--json")
    assert status == 0
    rows = [json.loads(line) for line in lines]
    assert rows[0] == {
        "time": "2023-11-14T12:00:00.000+00:00",
        "msgid": msgid(at_milliseconds(NOON_MS), origin_tag(disk.server, disk.epoch)),
        "target": "#tea",
        "from": "ana",
        "text": "green tea leaves",
    }
    assert [row["from"] for row in rows] == ["ana", "bob", "ana"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["green tea leaves", "black tea", "no tea here"]),
        (["--channel", "#tea"], ["green tea leaves", "black tea"]),
        (["--channel", "TEA"], ["green tea leaves", "black tea"]),
        (["--from", "BOB"], ["black tea"]),
        (["--after", "2023-11-15"], ["black tea", "no tea here"]),
        (["--after", "2023-11-15T12:00"], ["black tea", "no tea here"]),
        (["--after", "2023-11-15T14:00+02:00"], ["black tea", "no tea here"]),
        (["--before", "2023-11-15T12:00"], ["green tea leaves"]),
        (["--after", "2023-11-15", "--before", "2023-11-16"], ["black tea"]),
        (["--limit", "2"], ["black tea", "no tea here"]),
    ],
)
def test_conditions(search, options, found):
    assert texts(search("tea", *options)) == found


def test_words_are_those_of_the_index(search):
    assert texts(search('"black tea"')) == ["black tea"]
    assert texts(search("gre*")) == ["green tea leaves"]


def test_nothing_found(search):
    assert search("coffee") == (1, [], "nothing found\n")
    assert search("coffee", "--json") == (1, [], "nothing found\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--channel", "#none"], "there is no channel #none"),
        (["--after", "yesterday"], "--after yesterday: write it like"),
        (["--before", "2023-13-01"], "--before 2023-13-01: write it like"),
    ],
)
def test_wrong_conditions(search, options, words):
    assert refusal(search("tea", *options)).startswith(words)


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])
@pytest.mark.parametrize("moment", ["0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("option", ["--after", "--before"])
def test_the_ends_of_the_calendar_are_no_fault(search, monkeypatch, zone, moment, option):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    status, _, err = search("tea", option, moment)
    assert status in (0, 1, 2)
    assert len(err.splitlines()) <= 1


def test_a_limit_that_is_none(search):
    for limit in ("0", "-1"):
        assert refusal(search("tea", "--limit", limit)).startswith(f"--limit {limit}: ")


def test_a_limit_beyond_all_numbers(search):
    assert len(texts(search("tea", "--limit", "9" * 30))) == 3


def test_a_terminal_has_nothing_to_obey(tmp_path, search):
    disk = Disk(tmp_path)
    disk.append(said(NOON_MS, "\x0fplain\x0e \x0304red\x1b[2J"))
    [text] = texts(search("red", data=tmp_path))
    assert text.isprintable()
    disk.close()


def test_no_data(search, tmp_path):
    line = refusal(search("tea", data=tmp_path))
    assert line == f"there is no server's data in {tmp_path}; say where with --data"


def test_data_that_is_none(search, tmp_path):
    (tmp_path / "tertulia.db").write_bytes(b"not a database at all " * 100)
    assert re.search("database", refusal(search("tea", data=tmp_path)))


def test_a_database_of_something_else(search, tmp_path):
    (tmp_path / "tertulia.db").write_bytes(b"")
    refusal(search("tea", data=tmp_path))


def test_it_works_while_the_server_writes(search, disk):
    disk.append(said(NOON_MS + 3 * DAY_MS, "fresh mint"))
    assert texts(search("mint")) == ["fresh mint"]
