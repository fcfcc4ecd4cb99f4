"""Databases and events for the tests of storage."""

import threading
from pathlib import Path

import apsw
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.ids import Conversation, Hlc, Uid, at_milliseconds, origin_tag
from tertulia.domain.text import Text
from tertulia.storage.database import connect, migrate, open_epoch, server_id
from tertulia.storage.errors import StorageError
from tertulia.storage.log import Log

ANA = e.Face(Uid("s1"), "ana", "0000000000001", "ana!u@h")
BOB = e.Face(Uid("s2"), "bob", "0000000000002", "bob!u@h")
TEA = Conversation(5000)


def said(ms: int, text: str, by: e.Face = ANA, where: int = TEA, **more) -> e.Event:
    """A message at so many milliseconds."""
    fact = e.Said(by, more.pop("target", "#tea"), more.pop("style", 0), Text(text))
    return e.Event(Hlc(at_milliseconds(ms)), Conversation(where), fact, **more)


def joined(ms: int, where: int = TEA) -> e.Event:
    return e.Event(Hlc(at_milliseconds(ms)), Conversation(where), e.Joined(ANA, "#tea"))


def number(ms: int) -> e.Event:
    fact = e.NumberAssigned("ana", "0000000000001")
    return e.Event(Hlc(at_milliseconds(ms)), Conversation(0), fact)


class Disk:
    """A database in a folder, with a log for each start of the server."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tertulia.db"
        self.logs: list[Log] = []
        self.start()

    def start(self) -> None:
        """Start the server (again)."""
        db = connect(self.path, synchronous="OFF")  # no test cuts the power, and all wait for it
        migrate(db)
        self.server = server_id(db)
        self.source, self.epoch = open_epoch(db, self.server)
        self.db = db
        self.log = Log(db, self.source)
        self.logs.append(self.log)

    def append(self, *events: e.Event, writes=()) -> StorageError | None:
        """Write, and return what became of it."""
        answer: list[StorageError | None] = []
        over = threading.Event()

        def done(error: StorageError | None) -> None:
            answer.append(error)
            over.set()

        tag = origin_tag(self.server, self.epoch)
        tagged = [replace(event, tag=event.tag or tag) for event in events]
        self.log.append(tagged, writes, done)
        assert over.wait(30)
        return answer[0]

    def read(self) -> apsw.Connection:
        return connect(self.path, read_only=True)

    def rows(self, columns: str = "id") -> list[tuple]:
        return self.read().execute(f"SELECT {columns} FROM event ORDER BY id").fetchall()

    def seqs(self) -> list[int]:
        """The sequence numbers of this epoch."""
        return [i & ((1 << 40) - 1) for (i,) in self.rows() if i >> 40 == self.source]

    def close(self) -> None:
        for log in self.logs:
            log.close()
        self.logs.clear()
