"""Answers that bear the label of the command (ircv3.net/specs/extensions/labeled-response)."""

from __future__ import annotations

from tertulia.protocols.irc.parser import format_tags


class Labelled:
    """Gathers what one command is answered with."""

    __slots__ = ("_chunks", "_label")

    def __init__(self, label: str) -> None:
        self._label = label
        self._chunks: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Add whole lines to the answer."""
        self._chunks.append(data)

    def response(self, server: str) -> bytes:
        """Return the answer: one line with the label, a batch of several, or ACK."""
        label = format_tags({"label": self._label})
        lines = b"".join(self._chunks).splitlines(keepends=True)
        if not lines:
            return f"@{label} :{server} ACK\r\n".encode()
        if len(lines) == 1 or _is_one_batch(lines):
            return b"".join([_with_tag(lines[0], label), *lines[1:]])
        tag = "batch=label"
        return b"".join(
            [
                f"@{label} :{server} BATCH +label labeled-response\r\n".encode(),
                *(line if _in_batch(line) else _with_tag(line, tag) for line in lines),
                f":{server} BATCH -label\r\n".encode(),
            ]
        )


def _with_tag(line: bytes, tag: str) -> bytes:
    if line.startswith(b"@"):
        return f"@{tag};".encode() + line[1:]
    return f"@{tag} ".encode() + line


def _in_batch(line: bytes) -> bool:
    return line.startswith(b"@batch=")


def _is_one_batch(lines: list[bytes]) -> bool:
    """Whether the lines are one batch already, which then bears the label itself."""
    first, last = lines[0].split(b" "), lines[-1].split(b" ")
    return (
        len(first) > 2
        and first[1] == b"BATCH"
        and last[1] == b"BATCH"
        and last[2].strip() == b"-" + first[2][1:]
    )
