"""Facts as JSON, as they are on disk and between servers."""

from __future__ import annotations

import msgspec

from tertulia.domain.events import Fact, LoggedFact, SharedFact, WantedFact
from tertulia.domain.presence import Resident

encode = msgspec.json.Encoder().encode
decode_logged = msgspec.json.Decoder(LoggedFact).decode
decode_shared = msgspec.json.Decoder(SharedFact).decode
decode_wanted = msgspec.json.Decoder(WantedFact).decode
decode_resident = msgspec.json.Decoder(Resident).decode

__all__ = [
    "Fact", "decode_logged", "decode_resident", "decode_shared", "decode_wanted", "encode",
]  # fmt: skip
