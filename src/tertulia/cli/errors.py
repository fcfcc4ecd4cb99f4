"""What a command refuses."""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """One line that says what is wrong and what to do; the program ends with *status*."""

    status: ClassVar[int] = 2


class RefusedError(CommandError):
    """What was asked for was understood, and cannot be done."""

    status = 1


class NoServerError(CommandError):
    """There is no server running that could be asked."""
