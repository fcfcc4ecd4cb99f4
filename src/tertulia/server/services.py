"""The protocols that a server speaks, and what its settings mean for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

import tertulia
from tertulia.domain.names import fold_name
from tertulia.protocols.chatroom import ChatRoomConfig, ChatRoomService
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.service import IrcService
from tertulia.protocols.jsonchat import Dialect, JsonConfig, JsonService
from tertulia.protocols.numeric import NumericConfig, NumericService
from tertulia.protocols.peer import PeerConfig, PeerService
from tertulia.protocols.pychat import PyChatConfig, PyChatService
from tertulia.protocols.session import Session, Shell, TokenBucket
from tertulia.server.hub import Hub
from tertulia.server.settings import Settings, read_motd, read_password

logger = structlog.get_logger()

GENEROSITY = 10
"""How much more than a client may a server say, which speaks for many."""

Open = Callable[[Shell, TokenBucket | None], Session[Any]]


class Services:
    """One service a protocol; *rehash* reads the settings again (see `IrcService`)."""

    def __init__(self, hub: Hub, settings: Settings, rehash: Callable[[], str | None]) -> None:
        self._irc = IrcService(hub, _irc_config(settings), rehash)
        hub.observers.append(self._irc.observe)
        hub.watchers_of = self._irc.watchers_of
        self._has_logs = settings.history.text_logs
        self._chatroom = ChatRoomService(hub, self._chatroom_config(settings))
        patience_s = settings.limits.legacy_login_s or float("inf")
        gap_s = settings.limits.legacy_gap_ms / 1000
        json = JsonConfig(login_s=patience_s, document_bytes=settings.limits.document_bytes)
        pychat = PyChatConfig(login_s=patience_s, gap_s=gap_s)
        numeric = NumericConfig(login_s=patience_s, gap_s=gap_s)
        peers = PeerService(hub, _peer_config(settings), logger.info)
        hub.onlookers = peers.links
        self.opens: dict[str, Open] = {
            "irc": self._irc.session,
            "ircs": self._irc.session,
            "json": JsonService(hub, Dialect.CLASSIC, json).session,
            "rech": JsonService(hub, Dialect.DISCOVERY, json).session,
            "pychat": PyChatService(hub, pychat).session,
            "chatroom": self._chatroom.session,
            "numeric": NumericService(hub, numeric).session,
            "peer": peers.session,
        }
        """What opens the sessions of a listener, by the name of its scheme."""

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Return what puts other settings to use, or raise `SettingsError`."""
        irc, chatroom = _irc_config(settings), self._chatroom_config(settings)

        def use() -> None:
            self._irc.configure(irc)
            self._chatroom.configure(chatroom)

        return use

    def _chatroom_config(self, settings: Settings) -> ChatRoomConfig:
        left_out = {fold_name(name) for name in settings.history.unlogged_channels}
        return ChatRoomConfig(
            local_time=_local_time,
            is_logged=lambda channel: self._has_logs and channel.folded not in left_out,
            gap_s=settings.limits.legacy_gap_ms / 1000,
            operators=settings.operators,
        )


def _irc_config(settings: Settings) -> IrcConfig:
    server, limits = settings.server, settings.limits
    return IrcConfig(
        server=server.name,
        network=server.network,
        description=server.description,
        version=f"tertulia-{tertulia.__version__}",
        motd=read_motd(server),
        admin=server.admin,
        password=None if server.password_file is None else read_password(server.password_file),
        operators=settings.operators,
        login_s=limits.login_s or float("inf"),
        ping_s=limits.ping_s or float("inf"),
        history_most=settings.history.page,
        can_search=settings.history.search,
    )


def _peer_config(settings: Settings) -> PeerConfig:
    limits = settings.limits
    return PeerConfig(
        server=settings.server.name,
        login_s=limits.login_s or float("inf"),
        ping_s=limits.ping_s or float("inf"),
        document_bytes=GENEROSITY * limits.document_bytes,
        requests_per_second=GENEROSITY * limits.commands_per_second,
        requests_burst=GENEROSITY * limits.commands_burst,
    )


def _local_time(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ms // 1000))
