"""The order in which commands are handled, and when the connection is read."""

from typing import Any, ClassVar

import pytest

from tertulia.protocols.session import HashPassword, Session, Steps, TokenBucket
from tests.protocols.jsonchat_kit import Core, Shell


class Words(Session[str]):
    """Notes the words it gets; of those that begin with ``?`` only when they are answered."""

    protocol: ClassVar[str] = "words"

    def __init__(self, shell: Shell, bucket: TokenBucket | None) -> None:
        super().__init__(Core(), shell, bucket)
        self.handled: list[str] = []

    def handle(self, command: str) -> Steps | None:
        if command.startswith("?"):
            return self._slowly(command)
        self.handled.append(command)
        return None

    def _slowly(self, command: str) -> Steps:
        answer: Any = yield HashPassword(command)
        self.handled.append(answer)


@pytest.mark.parametrize("bucket", [None, TokenBucket(1000, 1000)])
def test_what_waits_behind_something_slow_is_handled_then_and_the_connection_read(bucket):
    shell = Shell()
    session = Words(shell, bucket)
    session.take(["a", "?b", "c", "?d", "e"])
    assert session.handled == ["a"]
    assert shell.held
    shell.settle()
    assert session.handled == ["a", "hash of ?b", "c", "hash of ?d", "e"]
    assert not shell.held
    session.take(["?f"])
    assert shell.held
    shell.settle()
    assert not shell.held


def test_the_connection_is_not_read_while_the_limit_is_exceeded():
    shell = Shell()
    session = Words(shell, TokenBucket(1, 2))
    session.take(list("abcde"))
    held_at = len(session.handled)
    assert shell.held
    assert 2 <= held_at < 5
    shell.clock += 10
    session.advance()
    assert session.handled == list("abcde")
    assert not shell.held


class Pauses(Words):
    """Notes when nothing has come for a while."""

    def silence(self) -> None:
        self.handled.append("silence")


def hear(session, shell, seconds):
    shell.clock += seconds
    session.last_heard = shell.clock
    session.listen_for_silence(0.05)


def test_silence_is_the_time_since_the_last_bytes():
    shell = Shell()
    session = Pauses(shell, None)
    hear(session, shell, 1)
    assert shell.woken_in == 0.05
    hear(session, shell, 0.03)
    shell.clock += 0.02
    session.advance()
    assert session.handled == []
    assert shell.woken_in == pytest.approx(0.03)
    shell.clock += 0.03
    session.advance()
    session.advance()
    assert session.handled == ["silence"]
    hear(session, shell, 1)
    shell.clock += 0.05
    session.advance()
    assert session.handled == ["silence", "silence"]


def test_other_timers_do_not_end_the_silence_nor_add_timers():
    shell = Shell()
    session = Pauses(shell, None)
    hear(session, shell, 1)
    shell.woken_in = None
    shell.clock += 0.02
    session.advance()
    assert session.handled == []
    assert shell.woken_in is None
