"""The program ``tertulia``."""

from __future__ import annotations

import io
import os
import shlex
import sys

import cyclopts

import tertulia
from tertulia.cli.errors import CommandError

app = cyclopts.App(
    name="tertulia",
    help="A self-hosted chat: the server, one room with many protocols, and a client for it.",
    version=tertulia.__version__,
    result_action="return_value",
)
# Each is imported when it is asked for: a client has no use for a server.
_COMMANDS = (
    "serve:serve",
    "chat:chat",
    "search:search",
    "log:log",
    "export:export",
    "backup:backup",
    "restore:restore",
    "discover:discover",
    "passwords:hash_password",
    "network:invite",
    "network:join",
    "servers:servers",
    "servers:forget",
    "network:new_id",
    "overview:users",
    "overview:channels",
    "overview:stats",
    "operate:say",
    "operate:topic",
    "operate:kick",
    "operate:ban",
    "operate:unban",
    "operate:op",
    "operate:shutdown",
)
for _command in _COMMANDS:
    app.command(f"tertulia.cli.{_command}")


def main() -> None:
    """Run a command; what is wrong with it is one line on standard error.

    The exit status is 2 then, or 1 where a running server refused it.
    """
    _open_what_is_closed()
    # The operator may have made the data directory, open to all.
    os.umask(0o077)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter shows a question mark.
        sys.stdout.reconfigure(errors="replace")
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        _import_all()
    try:
        status = app(exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except cyclopts.CycloptsError as error:
        _fail(_words(error), CommandError.status)
    except CommandError as error:
        _fail(str(error), error.status)
    except BrokenPipeError:
        # Who reads has seen enough.
        _drop_output()
        sys.exit(0)
    except OSError as error:
        _drop_output()
        _fail(f"{error.filename or 'the output'}: {error.strerror or error}", CommandError.status)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _import_all() -> None:
    """Have every command say what it is for, in the list of all."""
    for command in _COMMANDS:
        app[command.partition(":")[2].replace("_", "-")]


def _words(error: cyclopts.CycloptsError) -> str:
    """Return what is wrong with the command line, and where to look."""
    chain = error.command_chain or ()
    if isinstance(error, cyclopts.UnusedCliTokensError):
        text = f"{' '.join(chain)} does not take {shlex.join(error.unused_tokens or ())}."
    else:
        text = " ".join(str(error).split())
    return f"{text} Try: {' '.join(['tertulia', *chain, '--help'])}"


def _open_what_is_closed() -> None:
    """Put nothing in the place of standard streams that were closed by whoever started this.

    Otherwise the next file that is opened would be taken for them.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _drop_output() -> None:
    """Let what is still to be written to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(text: str, status: int) -> None:
    print(f"tertulia: {text}", file=sys.stderr)
    sys.exit(status)
