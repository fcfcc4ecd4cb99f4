"""tertulia export: three formats, and no text that does harm in them."""

import json
import stat
from html.parser import HTMLParser

import pytest

from tertulia.cli import exported
from tertulia.domain import events as e
from tertulia.domain.ids import Conversation, Hlc, at_milliseconds, msgid, origin_tag
from tertulia.domain.text import Text
from tertulia.storage.history import History
from tests.cli.kit import DAY_MS, NOON_MS, Program, disk_in, set_zone
from tests.storage.kit import ANA, BOB, TEA, joined, said

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

HOSTILE = "</p><script>alert('x')</script><img src=x onerror=alert(1)>\x0304red\x1b[2J&amp;"


def at(ms, fact):
    return e.Event(Hlc(at_milliseconds(ms)), Conversation(TEA), fact)


@pytest.fixture
def disk(tmp_path):
    disk = disk_in(tmp_path)
    disk.append(
        said(NOON_MS, "olá"),
        joined(NOON_MS + 1000),
        said(NOON_MS + 2000, "pours", BOB, style=e.Style.ACTION),
        said(NOON_MS + 3000, "careful", style=e.Style.NOTICE),
        at(NOON_MS + 4000, e.Kicked(ANA, "#tea", BOB, "noise")),
        at(NOON_MS + 5000, e.Parted(BOB, "#tea", "bye", quit=True)),
        at(NOON_MS + 6000, e.TopicSet(ANA, "#tea", Text("leaves"))),
        at(NOON_MS + 7000, e.ModesSet(ANA, "#tea", (e.ModeChange(True, "k", "$hash"),))),
        said(NOON_MS + DAY_MS, HOSTILE),
        said(NOON_MS + DAY_MS + 1000, "to all", target="*", where=1),
        said(NOON_MS + DAY_MS + 2000, "another life of it", where=7777),
    )
    yield disk
    disk.close()


@pytest.fixture
def run(disk, tmp_path, monkeypatch, capsys):
    set_zone(monkeypatch, "Etc/GMT-2")  # two hours before UTC, in the POSIX way of saying so
    yield Program(monkeypatch, capsys, tmp_path)
    monkeypatch.undo()
    set_zone(monkeypatch, "UTC")


def test_jsonl(run, disk):
    status, out, err = run("export", "--channel", "#TEA", "--format", "jsonl")
    assert (status, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    ana = {"from": "ana", "number": ANA.number}
    bob = {"from": "bob", "number": BOB.number}
    said = [{k: v for k, v in row.items() if k not in ("time", "msgid")} for row in rows]
    assert said == [
        {"kind": "message", **ana, "text": "olá"},
        {"kind": "joined", **ana},
        {"kind": "action", **bob, "text": "pours"},
        {"kind": "notice", **ana, "text": "careful"},
        {"kind": "kicked", **ana, "whom": "bob", "text": "noise"},
        {"kind": "quit", **bob, "text": "bye"},
        {"kind": "topic", **ana, "text": "leaves"},
        {"kind": "modes", **ana, "text": "+k *"},
        {"kind": "message", **ana, "text": HOSTILE},
    ]
    assert rows[0]["time"] == "2023-11-14T14:00:00.000+02:00"
    assert rows[0]["msgid"] == msgid(at_milliseconds(NOON_MS), origin_tag(disk.server, disk.epoch))


def test_txt(run):
    status, out, _ = run("export", "--channel", "tea", "--format", "txt")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "2023-11-14T14:00:00+02:00 <ana> olá"
    assert lines[2] == "2023-11-14T14:00:02+02:00 * bob pours"
    assert len(lines) == 9
    assert "\x1b" not in out


def test_every_manner_of_speaking_has_a_name():
    styles = {value for name, value in vars(e.Style).items() if name.isupper()}
    assert set(exported._STYLES) == styles - {e.Style.TAGS}


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_html(run):
    status, out, _ = run("export", "--channel", "#tea", "--format", "html")
    assert status == 0
    page = Page(out)
    kinds = {tag for tag, _ in page.tags}
    assert kinds <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "time", "b", "bdi"
    }  # fmt: skip
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert [w for w in page.words if w.startswith("2023")] == ["2023-11-14", "2023-11-15"]
    assert "</p><script>alert('x')</script><img src=x onerror=alert(1)>red[2J&amp;" in page.words
    assert "ana joined" in page.words
    assert {"datetime": "2023-11-14T14:00:00+02:00"} in [attrs for _, attrs in page.tags]


def test_a_channel_with_a_hostile_name(run, disk):
    from tertulia.domain.channels import Channel
    from tertulia.domain.names import ChannelName, Number
    from tertulia.storage.records import add_channel

    name = ChannelName.parse("#<script>")
    add_channel(disk.db, Channel(name, Number("1" * 13), Conversation(9000), 0))
    _, out, _ = run("export", "--channel", "#<script>", "--format", "html")
    assert "script" not in {tag for tag, _ in Page(out).tags}


def count(result):
    status, out, _ = result
    assert status == 0
    return len(out.splitlines())


def test_between_two_moments(run):
    tea = ["export", "--channel", "#tea"]
    assert count(run(*tea, "--after", "2023-11-15")) == 1
    assert count(run(*tea, "--before", "2023-11-15")) == 8
    assert count(run(*tea, "--after", "2023-11-14T14:00:01")) == 8
    assert (
        count(run(*tea, "--after", "2023-11-14T14:00:02", "--before", "2023-11-14T14:00:04")) == 2
    )


def test_what_was_said_to_everyone(run):
    assert count(run("export", "--channel", "*")) == 1
    assert count(run("export", "--channel", "&")) == 0


def test_a_file(run, tmp_path):
    path = tmp_path / "taken out" / "tea.jsonl"
    path.parent.mkdir()
    assert run("export", "--channel", "#tea", "--output", str(path)) == (0, "", "")
    assert len(path.read_text("utf-8").splitlines()) == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "exists already" in run.refusal("export", "--channel", "#tea", "--output", str(path))
    assert run("export", "--channel", "*", "--output", str(path), "--force")[0] == 0
    assert len(path.read_text("utf-8").splitlines()) == 1


def test_wrong_use(run):
    assert run.refusal("export", "--channel", "#none") == "there is no channel #none"
    assert "xml" in run.refusal("export", "--channel", "#tea", "--format", "xml")
    assert "--after x" in run.refusal("export", "--channel", "#tea", "--after", "x")
    assert "--channel" in run.refusal("export")


def test_portions_leave_nothing_out(disk):
    """Also where many servers have written at the same time."""
    disk.append(*(said(NOON_MS + 9 * DAY_MS, str(i), where=8000, tag=i + 1) for i in range(25)))
    for portion in (1, 7, 25, 100):
        history = History(disk.read())
        found = history.everything([Conversation(8000)], Hlc(0), Hlc(1 << 62), portion)
        texts = [stored.fact.text for stored in found if isinstance(stored.fact, e.Said)]
        assert texts == [str(i) for i in range(25)]
        history.close()
