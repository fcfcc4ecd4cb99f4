"""What does not work with other servers is said once, however often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

KEPT_MOST = 512


class Complaints:
    """Says something about somebody only if it is not what was said before.

    Who is strange can be many: those that were complained about first are forgotten then.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}

    def about(self, whom: str, kind: str, what: str, say: Callable[[], Any]) -> None:
        """Call *say*, which says *what*, something of a *kind*, about somebody."""
        key = (whom, kind)
        if self._said.get(key) == what:
            return
        self._said.pop(key, None)
        self._said[key] = what
        if len(self._said) > KEPT_MOST:
            del self._said[next(iter(self._said))]
        say()

    def over(self, whom: str) -> None:
        """Nothing is wrong with *whom* any more."""
        for key in [key for key in self._said if key[0] == whom]:
            del self._said[key]
