"""Lines of IRC: from bytes to messages.

A message is ``[@tags] [:source] command params`` (Modern IRC, "Message Format"; IRCv3
message-tags). A line has at most 512 bytes with its CR LF, and before that at most 4,096
bytes of tags from a client.
"""

from __future__ import annotations

import re

from msgspec import Struct

LINE_BYTES = 512
TAG_BYTES = 4096
_LONGEST = LINE_BYTES + TAG_BYTES

_UNESCAPED = {r"\:": ";", r"\s": " ", r"\\": "\\", r"\r": "\r", r"\n": "\n"}
_ESCAPED = {ord(value): key for key, value in _UNESCAPED.items()}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


class LineError(Exception):
    """A line that cannot be taken. *command* is what it was, if that could be seen."""

    def __init__(self, why: str, command: str = "*") -> None:
        super().__init__(why)
        self.command = command


class LineTooLong(LineError):
    """More bytes than a line may have."""


class LineNotUtf8(LineError):
    """Bytes that are not UTF-8."""


class Line(Struct, gc=False):
    """One message from a client; *command* is in upper case."""

    command: str
    params: list[str]
    tags: dict[str, str] | None = None


class LineBuffer:
    """Cuts a stream into lines; never holds more than one line may have."""

    __slots__ = ("_rest", "_skipping")

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes, without their line ends.

        A line that is too long comes as its beginning, which `parse` refuses.
        """
        if self._rest:
            data = self._rest + data
        lines = data.split(b"\n")
        rest = lines.pop()
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if self._skipping:
            rest = b""
        elif len(rest) > _LONGEST:
            lines.append(rest[: _LONGEST + 1])
            rest, self._skipping = b"", True
        self._rest = rest
        return lines


def parse(raw: bytes) -> Line | None:
    """Return the message in a line without its line feed, None for an empty one.

    Raises `LineError`, and nothing else.
    """
    tag_bytes = raw.find(b" ") + 1 if raw.startswith(b"@") else 0
    if len(raw) - tag_bytes > LINE_BYTES - 1 or tag_bytes > TAG_BYTES:
        if len(raw.removesuffix(b"\r")) - tag_bytes > LINE_BYTES - 2 or tag_bytes > TAG_BYTES:
            raise LineTooLong("The line is too long")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise LineNotUtf8("The line is not UTF-8", _command_of(raw)) from None
    text = text.removesuffix("\r")
    if "\r" in text or "\0" in text:
        # Neither may stand in a line; a space cannot be taken for the end of one.
        text = text.replace("\r", " ").replace("\0", " ")
    return _parse(text)


def _parse(text: str) -> Line | None:
    tags = None
    if text.startswith("@"):
        raw_tags, _, text = text.partition(" ")
        tags = parse_tags(raw_tags[1:])
    if text.startswith((" ", ":")):
        text = text.lstrip(" ")
        if text.startswith(":"):
            text = text.partition(" ")[2]
    middle, colon, trailing = text.partition(" :")
    words = middle.split(" ")
    if "" in words:
        words = [word for word in words if word]
    if not words:
        return None
    command = words.pop(0)
    if colon:
        words.append(trailing)
    return Line(command.upper(), words, tags)


def _command_of(raw: bytes) -> str:
    words = [word for word in raw.split(b" ") if word and word[:1] not in b"@:"]
    command = words[0].decode("ascii", "ignore").upper() if words else ""
    return command if command.isalnum() else "*"


def parse_tags(raw: str) -> dict[str, str]:
    """Return the tags of ``key=value;key`` with their values unescaped; the last one wins."""
    tags = {}
    for item in raw.split(";"):
        key, _, value = item.partition("=")
        if key:
            tags[key] = _ESCAPE.sub(_unescape, value) if "\\" in value else value
    return tags


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[0], match[1])


def format_tags(tags: dict[str, str]) -> str:
    """Return *tags* as they stand in a message, without the ``@``."""
    return ";".join(
        f"{key}={value.translate(_ESCAPED)}" if value else key for key, value in tags.items()
    )
