"""The command line: one file a command."""

from tertulia.cli.main import main

__all__ = ["main"]
