"""Who guesses at secret tokens.

Nobody can guess one of 128 bits; but who tries costs something, and fills no log for it.
"""

from __future__ import annotations

WRONG_MOST = 10
WINDOW_S = 60.0
ADDRESSES_MOST = 1024


class Guesses:
    """Counts wrong tokens, by the address that they came from; times are monotonic seconds."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, float]] = {}

    def wrong(self, address: str, now: float) -> None:
        """A wrong one came from *address*."""
        count, since = self._wrong.pop(address, (0, now))
        if now - since >= WINDOW_S:
            count, since = 0, now
        self._wrong[address] = (count + 1, since)
        if len(self._wrong) > ADDRESSES_MOST:
            del self._wrong[next(iter(self._wrong))]

    def is_barred(self, address: str, now: float) -> bool:
        """Whether so many came that no token from there is looked at for now."""
        count, since = self._wrong.get(address, (0, now))
        return count >= WRONG_MOST and now - since < WINDOW_S
