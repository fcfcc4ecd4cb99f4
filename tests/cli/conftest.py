"""The program, and a server that it can ask."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tertulia.cli import main as program
from tests.cli.kit import Listener


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


@pytest.fixture
def listener(folder):
    one = Listener(folder)
    yield one
    one.close()


@pytest.fixture
def run(monkeypatch, capsys, folder):
    """Runs the program in this process; returns its status and what it printed."""

    def run(*words, data=folder):
        monkeypatch.setattr(sys, "argv", ["tertulia", *words, "--data", str(data)])
        with pytest.raises(SystemExit) as raised:
            program()
        out, err = capsys.readouterr()
        return raised.value.code, out, err

    return run
