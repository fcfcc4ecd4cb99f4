"""What IRC clients can say: a table, and a module for what belongs together."""

from tertulia.protocols.irc.commands import (  # noqa: F401  (each fills the table)
    caps,
    channels,
    history,
    identity,
    lists,
    messages,
    modes,
    monitor,
    operators,
    registration,
    resume,
    sasl,
    search,
    server,
    users,
    who,
)
from tertulia.protocols.irc.commands.table import COMMANDS

__all__ = ["COMMANDS"]
