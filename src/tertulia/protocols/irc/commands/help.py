"""What HELP says."""

from __future__ import annotations

from tertulia.protocols.irc.names import in_lines

_USAGE = {
    "ADMIN": ("", "Tells whom to ask about this server."),
    "AUTHENTICATE": (
        "PLAIN | <base64>",
        "Proves an identity before you are here (SASL): the number is the name, the token the"
        " password.",
    ),
    "AWAY": ("[message]", "Marks you as away with a message, or as back without one."),
    "CAP": ("LS [version] | LIST | REQ <names> | END", "Negotiates capabilities."),
    "CHATHISTORY": (
        "LATEST|BEFORE|AFTER|AROUND <target> <reference> <limit>, BETWEEN <target> <reference>"
        " <reference> <limit>, TARGETS <time> <time> <limit>",
        "Shows what was said. A reference is msgid=… or timestamp=…, or * with LATEST.",
    ),
    "ERROR": ("", "Is what the server says before it closes a connection; yours are ignored."),
    "HELP": ("[command]", "Explains a command."),
    "IDENTITY": (
        "NEW | SERVERS",
        "Gives you a number and a secret token. With PASS <number>:<token> before NICK you are the"
        " same user again: your nickname and your rights as an admin stay yours, and messages"
        " to you wait while you are not here. SERVERS tells programs which servers know it.",
    ),
    "HELPOP": ("[command]", "Is the same as HELP."),
    "INFO": ("", "Describes this server."),
    "INVITE": ("<nickname> <channel>", "Asks someone into a channel."),
    "ISON": ("<nicknames>", "Tells which of these are here."),
    "JOIN": ("<channels> [keys] | 0", "Goes into channels; JOIN 0 leaves all."),
    "KICK": ("<channel> <nicknames> [reason]", "Expels users from a channel you run."),
    "KILL": ("<nickname> [reason]", "Takes someone off the server (operators)."),
    "LINKS": ("", "Lists the servers of the network."),
    "MAP": ("", "Shows the servers of the network, and how they are connected."),
    "LIST": ("[channels or conditions]", "Lists channels; >5, <9, C>60, T<5, mask, !mask."),
    "LUSERS": ("", "Tells how many are here."),
    "MODE": (
        "<channel or yourself> [modes [parameters]]",
        "Shows or changes modes: b ban, e exception, I invitation exception, k key, l limit,"
        " i invite only, m moderated, n no messages from outside, s secret, t topic by admins,"
        " C no CTCP, o admin, v voice; of yourself: i invisible, w wallops, B bot.",
    ),
    "MONITOR": ("+|- <nicknames> | C | L | S", "Tells when people come and go."),
    "MOTD": ("", "Shows the message of the day."),
    "NAMES": ("<channels>", "Lists who is in channels."),
    "NICK": ("<nickname>", "Changes your nickname."),
    "NOTICE": ("<targets> <text>", "Says something that is never answered by a program."),
    "OPER": ("<name> <password>", "Makes you an operator."),
    "PART": ("<channels> [reason]", "Leaves channels."),
    "PASS": (
        "<password> | <number>:<token> | <password>/<number>:<token>",
        "Before NICK: the server's password, if it has one, and who you are (see IDENTITY).",
    ),
    "PING": ("<token>", "Is answered with PONG."),
    "POKE": ("<nickname> [channel]", "Pokes someone, in a channel or between the two of you."),
    "PONG": ("<token>", "Answers the server's PING."),
    "PRIVMSG": (
        "<targets> <text>",
        "Says something to a channel, a nickname or a 13-digit number, to everyone on every"
        " server ($*) or on this one ($ and its name).",
    ),
    "QUIT": ("[reason]", "Leaves the server."),
    "REHASH": ("", "Reads the settings again (operators)."),
    "RESUME": (
        "[<token> [<message ids>]]",
        "Tells programs a token, and later ones; with one, after a new connection here or to"
        " another server of the network, channels that are joined bring what was missed.",
    ),
    "SEARCH": (
        "text=<words>;in=<target>;from=<nickname>;after=<time>;before=<time>;limit=<number>",
        "Finds messages with all these words in your channels and direct messages; each part can"
        " be left out. Spaces are written as \\s.",
    ),
    "SETNAME": ("<real name>", "Changes your real name."),
    "STATS": ("u | m", "Tells for how long the server has been up."),
    "TAGMSG": ("<targets>", "Sends client tags alone."),
    "TIME": ("", "Tells the server's time."),
    "TOPIC": ("<channel> [topic]", "Shows or sets the topic of a channel."),
    "USER": ("<username> 0 * <real name>", "Tells who you are, before you are here."),
    "USERHOST": ("<nicknames>", "Tells where users are."),
    "VERSION": ("", "Tells the server's version and what it supports."),
    "WALLOPS": ("<text>", "Tells something to users with mode +w (operators)."),
    "WHO": ("<channel or mask> [%fields]", "Lists users."),
    "WHOIS": ("<nickname>", "Tells about a user."),
    "WHOWAS": ("<nickname> [count]", "Tells who used a nickname before."),
}


def _wrapped(text: str) -> list[str]:
    return list(in_lines(text.split(" ")))


TOPICS: dict[str, list[str]] = {
    name: [f"{name} {usage}".rstrip(), *_wrapped(text)] for name, (usage, text) in _USAGE.items()
}
TOPICS["INDEX"] = ["Commands; HELP <command> explains one", *_wrapped(" ".join(_USAGE))]
"""Each topic's lines, by its name in upper case."""
