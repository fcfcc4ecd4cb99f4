"""Files that are whole or not there, and for their owner alone."""

import os
import stat

import pytest

from tertulia.server.private_files import write_file


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_its_mode_from_the_beginning(tmp_path, mode, monkeypatch):
    modes = []
    monkeypatch.setattr(os, "fsync", lambda fd: modes.append(stat.S_IMODE(os.fstat(fd).st_mode)))
    before = os.umask(0)
    try:
        write_file(tmp_path / "file", b"one", mode)
    finally:
        os.umask(before)
    assert modes == [mode] == [mode_of(tmp_path / "file")]


def test_another_takes_its_place_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o666)
    (tmp_path / "file.part").write_bytes(b"left by a crash")
    write_file(path, b"after")
    assert (path.read_bytes(), mode_of(path)) == (b"after", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_was_there_stays_if_it_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def full(_descriptor):
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_file(path, b"after")
    assert path.read_bytes() == b"before"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another")
def test_root_writes_for_the_owner_of_the_folder(tmp_path):
    os.chown(tmp_path, 12345, 12346)
    write_file(tmp_path / "file", b"secret")
    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid) == (12345, 12346)
