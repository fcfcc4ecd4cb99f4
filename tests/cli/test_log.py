"""tertulia log: a day of a channel, and following it."""

import pytest

from tertulia.cli import log as module
from tertulia.storage.textlog import TextLogs
from tests.cli.kit import COFFEE, NOON_MS, Program, disk_in, set_zone
from tests.storage.kit import said

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture
def disk(tmp_path):
    disk = disk_in(tmp_path)
    disk.append(
        said(NOON_MS, "green tea"),
        said(NOON_MS, "to all", target="*", where=1),
        said(NOON_MS, "no tea", where=COFFEE, target="#coffee"),
    )
    yield disk
    disk.close()


@pytest.fixture
def run(disk, tmp_path, monkeypatch, capsys):
    set_zone(monkeypatch, "UTC")
    fill(disk)
    yield Program(monkeypatch, capsys, tmp_path)
    monkeypatch.undo()
    set_zone(monkeypatch, "UTC")


def fill(disk):
    logs = TextLogs(disk.path.parent)
    while logs.catch_up(disk.read()):
        pass
    logs.close()


@pytest.mark.parametrize(
    ("channel", "text"),
    [("#Tea", "green tea"), ("tea", "green tea"), ("*", "to all"), ("#coffee", "no tea")],
)
def test_a_day(run, channel, text):
    assert run("log", channel, "--day", "2023-11-14") == (0, f"12:00:00 <ana> {text}\n", "")


def test_a_day_on_which_nothing_was_said(run, tmp_path):
    status, out, err = run("log", "#tea", "--day", "2023-11-15")
    assert (status, out) == (1, "")
    assert err == f"nothing in {tmp_path}/logs/#tea/2023-11-15.log\n"
    assert run("log", "#tea")[0] == 1  # today


@pytest.mark.parametrize("day", ["yesterday", "2023-13-01", "2023-11-14T12:00"])
def test_a_day_that_is_none(run, day):
    assert run.refusal("log", "#tea", "--day", day) == f"--day {day}: write it like 2026-11-20"


def test_only_today_can_be_followed(run):
    assert "leave out --day" in run.refusal("log", "#tea", "--follow", "--day", "2023-11-14")


def test_following(tmp_path, capfdbinary):
    """What is added is printed by the line, also when another day begins."""
    first, second = tmp_path / "first", tmp_path / "second"
    today = first
    steps = iter(range(10))

    def wait(_seconds):
        nonlocal today
        match next(steps):
            case 0:
                first.write_text("one\ntw")
            case 1:
                first.write_text("one\ntwo\n")
            case 2:
                with first.open("a") as file:
                    file.write("late\n")
                second.write_text("three\n")
                today = second
            case 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module._follow(lambda: today, wait)
    assert capfdbinary.readouterr().out == b"one\ntwo\nlate\nthree\n"


def test_following_a_file_that_is_removed_and_begins_again(tmp_path, capfdbinary):
    path = tmp_path / "log"
    path.write_text("a long line\nanother\n")
    steps = iter((lambda: path.write_text("new\n"), path.unlink, lambda: path.write_text("x\n")))

    def wait(_seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    with pytest.raises(KeyboardInterrupt):
        module._follow(lambda: path, wait)
    assert capfdbinary.readouterr().out == b"a long line\nanother\nnew\nx\n"


def test_following_ends_with_ctrl_c(run, monkeypatch):
    def interrupted(_todays):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_follow", interrupted)
    assert run("log", "#tea", "-f") == (130, "", "")


def test_making_them_again(run, tmp_path):
    path = tmp_path / "logs/#tea/2023-11-14.log"
    path.write_text("nonsense")
    assert run("log", "rebuild") == (0, f"3 files made again in {tmp_path}/logs\n", "")
    assert path.read_text() == "12:00:00 <ana> green tea\n"
    assert run("log", "rebuild", "--channel", "tea")[1].startswith("1 file made again")


def test_nothing_to_make_again(run, tmp_path):
    (tmp_path / "logs.db").unlink()
    assert "history.text_logs = true" in run.refusal("log", "rebuild")
