"""Every field of a frame keeps its width."""

from types import SimpleNamespace
from typing import Any, cast

from tertulia.domain import changes as c
from tertulia.domain.events import Face
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.state import State
from tertulia.protocols.numeric.frames import OLD_BYTES, Frames


def test_a_time_that_somebody_made_up_does_not_widen_a_receipt():
    user: Any = SimpleNamespace(number="0000000000002")
    frames = Frames(State(), cast(Any, user))
    by = Face(Uid("0000000000001"), "ana", "0000000000001", "ana!u@h")
    read = c.Acknowledged(Hlc(1), "id", by, Uid(user.number), "bob", by.number, "", 1 << 47, True)
    assert frames.render(read) == b"0900000000000019999999999".ljust(OLD_BYTES) + b"\n"
