"""The program: what it says of wrong use, and its small commands."""

import getpass
import io
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import tertulia
from tertulia.cli import main as program
from tertulia.cli import paths
from tertulia.cli.welcome import welcome
from tertulia.server.settings import ServerSettings, Settings
from tertulia.server.workers import is_password
from tertulia.storage.textlog import day_file
from tests.cli.kit import NOON_MS, disk_in
from tests.storage.kit import said

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the program in this process; returns its status and what it printed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tertulia", *words])
        with pytest.raises(SystemExit) as raised:
            program()
        out, err = capsys.readouterr()
        return raised.value.code, out, err

    return run


def refusal(result):
    """The one line on standard error."""
    status, out, err = result
    assert status == 2
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("tertulia: ")
    return line.removeprefix("tertulia: ")


def test_version(run):
    assert run("--version") == (0, f"{tertulia.__version__}\n", "")


def test_the_help_shows_a_mask_as_it_is_given(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert "such as '*!*@192.0.2.*'; a" in run("ban", "--help")[1]


def test_help(run):
    status, out, _ = run("--help")
    assert status == 0
    for word in ("serve", "search", "discover", "hash-password", "users", "say", "shutdown"):
        assert word in out
    for command, options in (
        ("users", ("--all", "--json", "--data")),
        ("kick", ("--reason", "--data")),
        ("op", ("--off", "--data")),
    ):
        status, out, _ = run(command, "--help")
        assert status == 0
        assert all(option in out for option in options)
    status, out, _ = run("serve", "--help")
    assert status == 0
    for word in ("--listen", "--data", "--config", "--name", "--address", "--port", "--log-format"):
        assert word in out
    status, out, _ = run("search", "--help")
    for word in ("--channel", "--from", "--after", "--before", "--limit", "--json"):
        assert word in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["serve", "--nonsense"], "--nonsense"),
        (["serve", "--data"], "--data"),
        (["serve", "surplus"], "serve does not take surplus."),
        (["log", "rebuild", "two words"], "log rebuild does not take 'two words'."),
        (["dance"], "dance"),
        (["search"], "words"),
        (["search", "x", "--limit", "many"], "many"),
        (["hash-password", "secret"], "secret"),
    ],
)
def test_wrong_use_is_one_line_that_says_where_to_look(run, words, expected):
    line = refusal(run(*words))
    assert expected in line.lower()
    command = {"dance": [], "log": ["log", "rebuild"]}.get(words[0], words[:1])
    assert line.endswith(f"Try: {' '.join(['tertulia', *command])} --help")


@pytest.mark.parametrize("uri", ["http://x", "irc://x:port", "irc://[::1", "irc://x#y", "6667"])
def test_a_wrong_address(run, uri):
    assert refusal(run("serve", "--listen", uri)).startswith(f"--listen {uri}: ")


def test_a_wrong_port_for_pychat(run):
    assert refusal(run("serve", "-p", "65536")).startswith("--port 65536: ")
    line = refusal(run("serve", "-p", "5001", "--listen", "irc://"))
    assert line.endswith("--listen pychat://*:5001")


def test_wrong_settings(run, tmp_path):
    config = tmp_path / "wrong.toml"
    config.write_text("[limits]\nconections = 1")
    line = refusal(run("serve", "--config", str(config)))
    assert line.startswith("limits.conections: ")
    assert "cannot read" in refusal(run("serve", "--config", str(tmp_path / "missing")))
    assert refusal(run("serve", "--log-format", "xml")).startswith("--log-format xml: ")


def test_the_settings_are_read_where_the_specification_says(run, tmp_path, monkeypatch):
    folder = tmp_path / "config" / "tertulia"
    folder.mkdir(parents=True)
    (folder / "tertulia.toml").write_text("nonsense = 1")
    assert refusal(run("serve")).startswith("nonsense: ")
    (folder / "tertulia.toml").unlink()
    monkeypatch.setenv("TERTULIA__NONSENSE", "1")
    assert refusal(run("serve")).startswith("nonsense: ")


@pytest.mark.parametrize("name", ["a b", "", ":x", "a" * 64])
def test_a_wrong_name_on_the_command_line(run, monkeypatch, name):
    monkeypatch.setattr("tertulia.cli.serve._run", lambda main: main.close() or 0)
    assert refusal(run("serve", "--name", name)).startswith("server.name: ")


def test_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "relative"):
        monkeypatch.setenv("XDG_DATA_HOME", given)
        monkeypatch.setenv("XDG_CONFIG_HOME", given)
        assert paths.data_folder() == tmp_path / ".local/share/tertulia"
        assert paths.config_file() == tmp_path / ".config/tertulia/tertulia.toml"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc")
    assert paths.data_folder() == Path("/data/tertulia")
    assert paths.config_file() == Path("/etc/tertulia/tertulia.toml")


# hash-password


def give(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nignored\n"])
def test_a_password_from_standard_input(run, monkeypatch, end):
    give(monkeypatch, " contraseña 1".encode() + end)
    status, out, err = run("hash-password")
    assert (status, err) == (0, "")
    [hashed] = out.splitlines()
    assert hashed.startswith("$argon2id$")
    assert is_password(hashed, " contraseña 1")
    assert not is_password(hashed, "contraseña 1")


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe\n"])
def test_no_password(run, monkeypatch, data):
    give(monkeypatch, data)
    assert refusal(run("hash-password")).startswith("the password is ")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("second", ["same", "other"])
def test_on_a_terminal_it_is_asked_for_twice(run, monkeypatch, second):
    answers = iter(["same", second])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    result = run("hash-password")
    if second == "same":
        assert is_password(result[1].strip(), "same")
    else:
        assert "not the same" in refusal(result)


def test_an_interrupt(run, monkeypatch):
    def interrupted(_prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", interrupted)
    assert run("hash-password") == (130, "", "")


# As a program


def test_the_program_as_a_process(tmp_path):
    source = Path(tertulia.__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-m", "tertulia", "serve", "--listen", "gopher://x"],
        env={**os.environ, "PYTHONPATH": str(source), "HOME": str(tmp_path)},
        capture_output=True,
        timeout=30,
        text=True,
    )
    assert refusal((found.returncode, found.stdout, found.stderr)).startswith("--listen gopher://x")


def test_what_is_made_is_its_owners_alone(data):
    data.chmod(0o755)
    found = run_in_shell("search tea", "", data)
    assert found.returncode == 0
    assert stat.S_IMODE((data / "search.db").stat().st_mode) == 0o600


def run_in_shell(words, streams, data):
    source = Path(tertulia.__file__).parents[1]
    return subprocess.run(
        f"exec {sys.executable} -m tertulia {words} --data '{data}' {streams}",
        shell=True,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        timeout=30,
        text=True,
    )


def test_who_thinks_better_of_it_while_it_loads_is_not_told_more(tmp_path):
    # The first thing that is imported is interrupted.
    (tmp_path / "cyclopts.py").write_text("raise KeyboardInterrupt")
    source = Path(tertulia.__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-m", "tertulia", "--version"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{source}"},
        capture_output=True,
        timeout=30,
        text=True,
    )
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "")


@pytest.fixture
def data(tmp_path):
    disk = disk_in(tmp_path)
    disk.append(said(NOON_MS, "green tea"))
    yield tmp_path
    disk.close()


@pytest.mark.parametrize("words", ["search tea", "export --channel tea", "log '#tea'"])
def test_standard_streams_that_are_closed(words, data):
    day_file(data, "#tea", date.today()).parent.mkdir(parents=True)
    day_file(data, "#tea", date.today()).write_text("14:02:11 <ana> oi\n")
    found = run_in_shell(words, "<&- >&-", data)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", ["search tea", "search tea --json", "export --channel tea"])
def test_an_output_that_is_full(words, data):
    found = run_in_shell(words, ">/dev/full", data)
    assert found.returncode == 2
    [line] = found.stderr.splitlines()
    assert line.startswith("tertulia: ")
    assert line.endswith("No space left on device")


# The welcome


def test_the_welcome_says_how_to_join():
    settings = Settings(server=ServerSettings(name="tea.example"))
    uris = ["irc://*:6667", "ircs://[::1]:6697", "json://127.0.0.1:12000", "rech://*:4321"]
    text = welcome(settings, uris)
    assert text.startswith("tea.example is ready.")
    for words in (
        "irssi -c localhost -p 6667",
        "/connect -tls localhost 6697",
        "port 12000",
        "port 4321",
    ):
        assert words in text
    assert "Ctrl-C" in text


@pytest.mark.parametrize("addresses", [[], ["192.0.2.1", "2001:db8::1"]])
def test_the_welcome_says_where_others_come_to(monkeypatch, addresses):
    monkeypatch.setattr("tertulia.cli.welcome.own_addresses", lambda: addresses)
    monkeypatch.setattr("tertulia.cli.welcome.own_link_local_addresses", list)
    text = welcome(Settings(), ["irc://*:6667"])
    assert ("192.0.2.1 or 2001:db8::1" in text) is bool(addresses)
    assert ("no address" in text) is not bool(addresses)
    assert "another machine" not in welcome(Settings(), ["irc://127.0.0.1:6667"])


def test_the_welcome_where_there_is_nothing_but_a_link(monkeypatch):
    monkeypatch.setattr("tertulia.cli.welcome.own_addresses", list)
    monkeypatch.setattr("tertulia.cli.welcome.own_link_local_addresses", lambda: ["fe80::1"])
    assert "fe80::1%eth0, where eth0 is" in welcome(Settings(), ["irc://*:6667"])
