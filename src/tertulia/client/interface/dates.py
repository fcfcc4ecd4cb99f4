"""Moments as people write them, in the time zone of this machine."""

from __future__ import annotations

import time
from datetime import date
from functools import lru_cache


def clock(at: int) -> str:
    """Return hours and minutes of *at* (Unix ms)."""
    return _clock(at // 60_000)


@lru_cache(4096)
def _clock(minute: int) -> str:
    return time.strftime("%H:%M", time.localtime(minute * 60))


def day(at: int) -> int:
    """Return a number for the day of *at*: the same all day, and no other's."""
    return _day(at // 900_000)


@lru_cache(4096)
def _day(quarter: int) -> int:
    # There is no zone whose days start in the middle of a quarter of an hour.
    moment = time.localtime(quarter * 900)
    return date(moment.tm_year, moment.tm_mon, moment.tm_mday).toordinal()


@lru_cache(256)
def day_name(ordinal: int, language: str) -> str:
    """Return how a day is called in *language*: with its weekday, and in full."""
    # It takes a tenth of a second to load, and the first screen may do without.
    from babel.dates import format_date

    return format_date(date.fromordinal(ordinal), "full", locale=language)


def moment_name(at: int, language: str) -> str:
    """Return day and time in short, for a list of messages from many days."""
    from babel.dates import format_date

    when = date.fromordinal(day(at))
    return f"{format_date(when, 'short', locale=language)} {clock(at)}"
