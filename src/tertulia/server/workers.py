"""What takes long, done in threads: password hashes and reads of history.

Passwords are argon2id (RFC 9106). A password that was verified once is known by a keyed hash
in memory, so that the next to come with it does not wait.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import argon2

from tertulia.domain.errors import NoBackup, NoSearch
from tertulia.domain.history import Page, describe
from tertulia.domain.ids import msgid
from tertulia.protocols.session import (
    Drain,
    HashPassword,
    ReadLatest,
    ReadMissed,
    ReadWaiting,
    Request,
    Search,
    TakeBackup,
    VerifyPassword,
    Written,
)
from tertulia.storage.errors import StorageError
from tertulia.storage.history import History, Stored
from tertulia.storage.search import Finder

HASHERS = 2
VERIFIED_MOST = 10_000

hasher = argon2.PasswordHasher()


class Workers:
    """The threads. *settle* calls what it is given when all that happened is on disk.

    *take_backup* makes a backup and returns where it is, or raises `StorageError`; *finder* is
    None where there is no index.
    """

    def __init__(
        self,
        history: History,
        settle: Callable[[Callable[[], None]], None],
        take_backup: Callable[[], Path],
        finder: Finder | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._history = history
        self._settle = settle
        self._take_backup = take_backup
        self._finder = finder
        self._hashers = ThreadPoolExecutor(HASHERS, thread_name_prefix="hash")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, None] = {}
        self._backups = ThreadPoolExecutor(1, thread_name_prefix="asked-backup")

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        """Fulfil *request*; *resume* is called in the loop with the answer or an exception."""
        match request:
            case HashPassword(password):
                self._run(self._hashers, lambda: hasher.hash(password), resume)
            case VerifyPassword(hashed, password):
                self._verify(hashed, password, resume)
            case Page():
                self._read(lambda: _shown(self._history.page(request)), resume)
            case ReadLatest():
                self._read(lambda: self._read_latest(request), resume)
            case ReadWaiting(uid, after, limit):
                self._read(lambda: _shown(self._history.waiting(uid, after, limit)), resume)
            case ReadMissed(conversations, token, until, after, limit):
                missed = self._history.missed
                self._read(
                    lambda: _shown(missed(conversations, token, until, after, limit)), resume
                )
            case Search():
                self._read(lambda: self._find(request), resume)
            case TakeBackup():
                self._run(self._backups, self._back_up, resume)
            case Drain() | Written():
                raise AssertionError("each connection sees to that by itself")

    def close(self) -> None:
        """Finish what is under way; what waits is dropped."""
        for pool in (self._hashers, self._reader, self._backups):
            pool.shutdown(wait=True, cancel_futures=True)
        self._history.close()
        if self._finder is not None:
            self._finder.close()

    def _run(
        self, pool: ThreadPoolExecutor, job: Callable[[], Any], resume: Callable[[Any], None]
    ) -> None:
        future = self._loop.run_in_executor(pool, job)
        future.add_done_callback(
            lambda f: None if f.cancelled() else resume(f.exception() or f.result())
        )

    def _read(self, job: Callable[[], Any], resume: Callable[[Any], None]) -> None:
        self._settle(lambda: self._run(self._reader, job, resume))

    def _verify(self, hashed: str, password: str, resume: Callable[[Any], None]) -> None:
        digest = hmac.digest(self._key, f"{hashed}\0{password}".encode(), "sha256")
        if digest in self._verified:
            resume(True)
            return

        def verified(answer: Any) -> None:
            if answer is True:
                self._verified[digest] = None
                if len(self._verified) > VERIFIED_MOST:
                    del self._verified[next(iter(self._verified))]
            resume(answer)

        self._run(self._hashers, lambda: is_password(hashed, password), verified)

    def _back_up(self) -> str:
        try:
            return str(self._take_backup())
        except StorageError as error:
            raise NoBackup(str(error)) from error

    def _find(self, request: Search) -> list[Any]:
        if self._finder is None:
            raise NoSearch("there is no index")
        try:
            found = self._finder.find(
                request.words,
                conversations=request.conversations,
                sender=request.sender,
                after_ms=request.after_ms,
                before_ms=request.before_ms,
                limit=request.limit,
            )
        except StorageError as error:
            raise NoSearch(str(error)) from error
        return _shown(found)

    def _read_latest(self, request: Any) -> dict[Any, Any]:
        found = self._history.latest(request.conversations, request.after, request.before)
        return {stored.conversation: stored.hlc for stored in found}


def _shown(page: list[Stored]) -> list[Any]:
    """Return what is seen of the events of a page."""
    return [describe(stored.hlc, msgid(stored.hlc, stored.tag), stored.fact) for stored in page]


def is_password(hashed: str, password: str) -> bool:
    """Whether *password* is the one whose argon2id hash is *hashed*."""
    try:
        return hasher.verify(hashed, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
