"""The table of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tertulia.protocols.irc.parser import Line
from tertulia.protocols.session import Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

Handler: TypeAlias = "Callable[[IrcSession, Line], Steps | None]"


class Spec(NamedTuple):
    """How a command is handled; *params* is how many it needs at least."""

    handler: Handler
    params: int
    unregistered: bool
    cost: int


COMMANDS: dict[str, Spec] = {}


def command(
    name: str, params: int = 0, *, unregistered: bool = False, cost: int = 1
) -> Callable[[Handler], Handler]:
    """Put the function below in the table.

    *unregistered* clients may use it too; *cost* is what it takes from the rate limit.
    """

    def enter(handler: Handler) -> Handler:
        COMMANDS[name] = Spec(handler, params, unregistered, cost)
        return handler

    return enter
