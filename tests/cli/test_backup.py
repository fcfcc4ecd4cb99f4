"""tertulia backup and tertulia restore: what they do, and how they say so."""

import io
import re
import sys

import pytest

from tertulia.storage.backup import check
from tertulia.storage.lock import locked
from tests.cli.kit import NOON_MS, Program, disk_in
from tests.storage.kit import said

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def disk(data):
    disk = disk_in(data)
    disk.append(said(NOON_MS, "green tea"))
    yield disk
    disk.close()


@pytest.fixture
def run(disk, data, monkeypatch, capsys):
    return Program(monkeypatch, capsys, data)


def test_a_backup_where_it_belongs(run, data):
    status, out, err = run("backup")
    assert (status, err) == (0, "")
    [path] = (data / "backups").iterdir()
    assert re.fullmatch(r"tertulia-[0-9]{8}-[0-9]{6}\.db", path.name)
    assert out.startswith(f"{path} (")
    check(path)


def test_a_backup_elsewhere(run, tmp_path):
    path = tmp_path / "mine.db"
    assert run("backup", str(path))[0] == 0
    assert "exists already" in run.refusal("backup", str(path))
    assert run("backup", str(path), "--force")[0] == 0
    assert "cannot write to" in run.refusal("backup", str(tmp_path / "nowhere/mine.db"))


def test_the_servers_own_files_are_not_replaced(run, data, tmp_path):
    database = data / "tertulia.db"
    before = database.stat().st_ino
    (tmp_path / "link").symlink_to(data)
    for path in (database, tmp_path / "link" / "tertulia.db"):
        for words in (["backup", str(path)], ["export", "--channel", "*", "--output", str(path)]):
            assert "the server's own" in run.refusal(*words, "--force")
    assert database.stat().st_ino == before


def test_progress_on_a_terminal(run, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run("backup", str(tmp_path / "mine.db"))[0] == 0
    assert "checking" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_no_data(run, tmp_path):
    for words in (["backup"], ["log", "#tea"], ["log", "rebuild"], ["export", "--channel", "#x"]):
        assert "there is no server's data in" in run.refusal(*words, data=tmp_path)


def test_restore(run, disk, tmp_path, data):
    path = tmp_path / "mine.db"
    run("backup", str(path))
    disk.close()
    status, out, err = run("restore", str(path))
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"restored {path} to {data}"
    [aside] = data.glob("before-restore-*")
    assert lines[1] == f"what was there before is in {aside}"
    status, out, _ = run("restore", str(path), data=tmp_path / "new")
    assert status == 0
    assert "before" not in out


def test_a_restore_that_is_refused(run, disk, data, tmp_path):
    path = tmp_path / "mine.db"
    assert run.refusal("restore", str(path)) == f"there is no file {path}"
    path.write_text("nonsense")
    assert str(path) in run.refusal("restore", str(path))
    run("backup", str(path), "--force")
    with locked(data):
        assert "stop it" in run.refusal("restore", str(path))
