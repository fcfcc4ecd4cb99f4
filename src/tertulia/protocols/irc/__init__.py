"""IRC as in the Modern IRC specification (modern.ircdocs.horse) and IRCv3 (ircv3.net)."""

from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.service import IrcService

__all__ = ["IrcConfig", "IrcService"]
