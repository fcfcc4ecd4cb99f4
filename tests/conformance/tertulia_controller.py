"""How the public IRC test suite (progval/irctest) starts Tertulia.

The suite imports this module by name, so this folder is on PYTHONPATH; run.py sees to it. One
fresh server is started for every test, on a port that the suite has picked.
"""

import atexit
import functools
import json
import shutil
import sys
from pathlib import Path

import argon2
from irctest import patma  # type: ignore[import-not-found]
from irctest.basecontrollers import (  # type: ignore[import-not-found]
    BaseServerController,
    DirectoryBasedController,
)
from irctest.runner import NotImplementedByController  # type: ignore[import-not-found]
from irctest.specifications import (  # type: ignore[import-not-found]
    Capabilities,
    OptionalBehaviors,
)

# The names which the suite compares with, and the operator it logs in as.
SERVER_NAME = "My.Little.Server"
DESCRIPTION = "test server"
OPERATOR = "operuser"
OPERATOR_PASSWORD = "operpassword"

# faketime stays as the parent of the server, with memory that it shares and removes in the end.
# The suite sends SIGTERM to both; only the server, which installs a handler, shall act on it.
WRAPPED = ("sh", "-c", 'trap "" TERM; exec "$@"', "sh", "faketime", "-f")

# Not all of these have tests that look at the declaration; those which do would be skipped if
# the server lost the capability, and fail because it is declared here.
OFFERED = {
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "chghost",
    "draft/chathistory",
    "draft/event-playback",
    "echo-message",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
}


@functools.cache
def operator_hash() -> str:
    """The operator's password as the configuration wants it. Cheap on purpose: the suite would
    otherwise spend its time on hashing."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return hasher.hash(OPERATOR_PASSWORD)


def toml(value: str | int | Path) -> str:
    """A TOML value. What JSON writes for ASCII strings and integers is TOML as well."""
    return json.dumps(str(value) if isinstance(value, Path) else value)


class TertuliaController(BaseServerController, DirectoryBasedController):  # type: ignore[misc]
    software_name = "Tertulia"
    supported_sasl_mechanisms: set[str] = set()
    supports_sts = False
    _port_wait_interval = 0.02

    capabilities = frozenset(known for known in Capabilities if known.value in OFFERED)
    optional_behaviors = frozenset(
        {
            OptionalBehaviors.BAN_EXCEPTION_MODE,
            OptionalBehaviors.CAP_REQ_MINUS,
            OptionalBehaviors.ELIST_C,
            OptionalBehaviors.ELIST_M,
            OptionalBehaviors.ELIST_N,
            OptionalBehaviors.ELIST_T,
            OptionalBehaviors.ELIST_U,
            OptionalBehaviors.INVITE_EXCEPTION_MODE,
            OptionalBehaviors.INVITE_LIST,
            OptionalBehaviors.INVITE_OVERRIDES_LIMIT,
            OptionalBehaviors.MULTI_JOIN,
            OptionalBehaviors.MULTI_KICK,
            OptionalBehaviors.MULTI_NAMES_COMMAND,
            OptionalBehaviors.MULTI_PRIVMSG,
            OptionalBehaviors.NO_CTCP,
        }
    )
    isupport = {
        "BOT": "B",
        "CASEMAPPING": patma.ANYSTR,
        "ELIST": patma.ANYSTR,
        "MONITOR": patma.StrRe("[0-9]+"),
        "PREFIX": patma.StrRe(r"\(.*ov\).*@\+"),
        "STATUSMSG": patma.StrRe(".*@.*"),
        "TARGMAX": patma.ANYSTR,
        "UTF8ONLY": None,
        "WHOX": None,
    }

    def run(
        self,
        hostname: str,
        port: int,
        *,
        password: str | None,
        ssl: bool,
        run_services: bool,
        faketime: str | None,
        websocket_hostname: str | None,
        websocket_port: int | None,
    ) -> None:
        if websocket_hostname is not None or websocket_port is not None:
            raise NotImplementedByController("websocket")
        if run_services:
            raise NotImplementedByController("services")
        self.hostname, self.port = hostname, port
        self.create_config()
        assert self.directory
        self._write_config(password, ssl)
        command: list[str | Path] = [
            *self._clock(faketime),
            *(sys.executable, "-m", "tertulia", "serve"),
            *("--data", self.directory / "data"),
            *("--config", self.directory / "tertulia.toml"),
            *("--listen", f"{'ircs' if ssl else 'irc'}://127.0.0.1:{port}"),
        ]
        # A test whose preparation fails or skips is not cleaned up after by the suite.
        atexit.register(self._kill_leftover)
        # Last of all: whatever raises before this leaves no server behind.
        self.proc = self.execute(command, proc_name="tertulia")

    def _kill_leftover(self) -> None:
        if self.proc is not None:
            self.kill()

    def _clock(self, faketime: str | None) -> list[str]:
        """The wrapper under which the server sees the time that a test wants it to see."""
        self.faketime_enabled = bool(faketime and shutil.which("faketime"))
        return [*WRAPPED, faketime] if faketime and self.faketime_enabled else []

    def _write_config(self, password: str | None, ssl: bool) -> None:
        assert self.directory
        server: dict[str, str | int | Path] = {
            "name": SERVER_NAME,
            "description": DESCRIPTION,
            "motd": "The suite reads the welcome in one go: this has to be short.",
        }
        if password is not None:
            server["password_file"] = self.directory / "password"
            self._write("password", password)
        tables: dict[str, dict[str, str | int | Path]] = {
            "[server]": server,
            "[limits]": {"commands_per_second": 0, "connections_per_address": 0},
            "[[operators]]": {"name": OPERATOR, "password": operator_hash()},
        }
        if ssl:
            self.gen_ssl()
            tables["[tls]"] = {"certificate": self.pem_path, "key": self.key_path}
        self._write(
            "tertulia.toml",
            "".join(
                f"{header}\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
                for header, table in tables.items()
            ),
        )

    def _write(self, name: str, content: str) -> None:
        with self.open_file(name, "w") as file:
            file.write(content)


def get_irctest_controller_class() -> type[TertuliaController]:
    return TertuliaController
