"""What a command refuses."""

from __future__ import annotations


class CommandError(Exception):
    """One line that says what is wrong and what to do."""
