"""The program ``tertulia``."""

from __future__ import annotations

import sys

import cyclopts

import tertulia
from tertulia.cli.discover import discover
from tertulia.cli.errors import CommandError
from tertulia.cli.passwords import hash_password
from tertulia.cli.search import search
from tertulia.cli.serve import serve

USAGE_ERROR = 2

app = cyclopts.App(
    name="tertulia",
    help="A self-hosted chat server: one room, many protocols.",
    version=tertulia.__version__,
    result_action="return_value",
)
app.command(serve)
app.command(search)
app.command(discover)
app.command(hash_password)


def main() -> None:
    """Run a command; what is wrong with it is one line on standard error, exit status 2."""
    try:
        status = app(exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        text = " ".join(str(error).split())
        _fail(f"{text} Try: tertulia --help")
    except CommandError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(text: str) -> None:
    print(f"tertulia: {text}", file=sys.stderr)
    sys.exit(USAGE_ERROR)
