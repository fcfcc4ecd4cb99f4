"""The settings: defaults, a TOML file, the environment, and the command line, in that order."""

from __future__ import annotations

import datetime
import difflib
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Struct

from tertulia.domain.errors import InvalidChannelName
from tertulia.domain.names import ChannelName
from tertulia.domain.world import Rules
from tertulia.protocols.operators import Operator
from tertulia.server.addresses import network_of
from tertulia.server.peer_address import peer_address

PREFIX = "TERTULIA__"
UNLIMITED = 1 << 62
KEEP_DAYS_MOST = 10_000
DAY_S = 86_400


class SettingsError(Exception):
    """A setting that cannot be used; ``str(error)`` is one line that names the key."""


def _default_name() -> str:
    name = re.sub(r"[^A-Za-z0-9.-]", "", socket.gethostname()) or "localhost"
    return name if "." in name else f"{name}.local"


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``."""

    name: str = msgspec.field(default_factory=_default_name)
    description: str = "A Tertulia server"
    network: str = "Tertulia"
    motd: str = ""
    motd_file: Path | None = None
    admin: str = ""
    password_file: Path | None = None
    allow_public: bool = False
    address: str | None = None


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``; 0 turns a limit off. Times in seconds."""

    commands_per_second: float = 10
    commands_burst: int = 40
    connections_per_address: int = 50
    connections: int = 15_000
    login_s: float = 60
    legacy_login_s: float = 900
    tls_handshake_s: float = 10
    ping_s: float = 120
    output_bytes: int = 4 * 1024 * 1024
    document_bytes: int = 16_384
    legacy_pacing_ms: int = 30
    legacy_gap_ms: int = 50
    waiting_messages: int = Rules().waiting_messages
    identities: int = Rules().identities


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[tls]``: files in PEM; without them the server makes its own."""

    certificate: Path | None = None
    key: Path | None = None


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: what is said on standard error, and how."""

    format: Literal["human", "json"] = "human"
    level: Literal["debug", "info", "warning", "error"] = "info"


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[channels]``; lengths in bytes, times in seconds."""

    channels_per_user: int = Rules().channels_per_user
    masks_per_list: int = Rules().masks_per_list
    topic_bytes: int = Rules().topic_bytes
    grace_s: int = Rules().channel_grace_s
    broadcast: Literal["everyone", "operators"] = "everyone"
    broadcast_burst: int = Rules().broadcast_burst


class HistorySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[history]``; of *keep_days*, 0 keeps messages for ever."""

    page: int = 100
    keep_days: int = 0
    search: bool = True
    text_logs: bool = True
    unlogged_channels: tuple[str, ...] = ()


class BackupSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[backup]``; *time* is local, ``HH:MM``. Of *keep*, 0 keeps all."""

    daily: bool = True
    keep: int = 7
    time: str = "04:00"

    @property
    def moment(self) -> datetime.time:
        """The time of day."""
        return datetime.datetime.strptime(self.time, "%H:%M").time()


class NetworkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[network]``: whether the local network is told that the server is there, and with which
    other servers it shares its chat (*peers*: ``host:port``; *banned*: ids or names), for how many
    seconds (*grace_s*) who is on one that is cut off is still shown; the addresses and networks of
    servers that may link at a ``peer://`` listener."""

    discovery: bool = True
    secret_file: Path | None = None
    peers: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    grace_s: float = 60
    table_peers: tuple[str, ...] = ()


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    server: ServerSettings = ServerSettings()
    limits: Limits = Limits()
    tls: TlsSettings = TlsSettings()
    log: LogSettings = LogSettings()
    channels: ChannelSettings = ChannelSettings()
    history: HistorySettings = HistorySettings()
    backup: BackupSettings = BackupSettings()
    network: NetworkSettings = NetworkSettings()
    operators: tuple[Operator, ...] = ()

    def rules(self) -> Rules:
        """Return the rules of the domain."""
        channels = self.channels
        return Rules(
            channels_per_user=channels.channels_per_user,
            masks_per_list=channels.masks_per_list,
            topic_bytes=channels.topic_bytes,
            channel_grace_s=channels.grace_s,
            broadcast=channels.broadcast,
            broadcast_burst=channels.broadcast_burst,
            waiting_messages=self.limits.waiting_messages or UNLIMITED,
            identities=self.limits.identities or UNLIMITED,
        )


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the file at *path* (if any) and the *environment*."""
    tree: dict[str, Any] = {} if path is None else _read_file(path)
    if environment is None:
        environment = os.environ
    for name, value in environment.items():
        if name.startswith(PREFIX):
            _put(tree, name.removeprefix(PREFIX).lower().split("__"), value)
    return _convert(tree)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _put(tree: dict[str, Any], keys: list[str], text: str) -> None:
    """Put a value from the environment into *tree*; it is read as TOML, else as a string."""
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{'.'.join(keys)}: {key} is not a section")
    tree[keys[-1]] = value


def _convert(tree: dict[str, Any]) -> Settings:
    _check_keys(tree, Settings, "")
    try:
        settings = msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`") or "settings"
        raise SettingsError(f"{key}: {what[:1].lower()}{what[1:]}") from error
    check(settings)
    return settings


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise ValueError("expected the path of a file")


def _check_keys(tree: Mapping[str, Any], kind: type[Struct], path: str) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in tree.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1, cutoff=0)
            hint = f"; the nearest is {path}{near[0]}" if near else ""
            raise SettingsError(f"{path}{key}: there is no such setting{hint}")
        inner = fields[key]
        if get_origin(inner) is tuple and isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _check_keys(item, get_args(inner)[0], f"{path}{key}.")
        elif isinstance(inner, type) and issubclass(inner, Struct) and isinstance(value, dict):
            _check_keys(value, inner, f"{path}{key}.")


_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", re.ASCII)


def check(settings: Settings) -> None:
    """Raise `SettingsError` for values that have the right type and are wrong all the same."""
    if not _NAME.fullmatch(settings.server.name):
        raise SettingsError(
            "server.name: letters, digits, dots and hyphens, at most 63; not "
            f"{settings.server.name!r}"
        )
    if not _NAME.fullmatch(settings.server.network):
        raise SettingsError("server.network: letters, digits, dots and hyphens, at most 63")
    for section in ("limits", "channels", "history", "backup", "network"):
        part = getattr(settings, section)
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if isinstance(value, int | float) and not value >= 0:  # nan is none either
                raise SettingsError(f"{section}.{field.name}: must be 0 or more, not {value}")
    if settings.history.keep_days > KEEP_DAYS_MOST:
        raise SettingsError(f"history.keep_days: at most {KEEP_DAYS_MOST}; 0 keeps all")
    if settings.network.grace_s > DAY_S:
        raise SettingsError(f"network.grace_s: must be a day ({DAY_S}) or less")
    for name in settings.history.unlogged_channels:
        try:
            ChannelName.parse(name)
        except InvalidChannelName as error:
            raise SettingsError(f"history.unlogged_channels: {error}") from error
    for peer in settings.network.peers:
        try:
            peer_address(peer)
        except ValueError as error:
            raise SettingsError(f"network.peers: {peer!r}: {error}") from error
    for text in settings.network.table_peers:
        try:
            network_of(text)
        except ValueError as error:
            raise SettingsError(
                f"network.table_peers: write addresses like 192.0.2.1 and networks like"
                f" 192.0.2.0/24: {error}"
            ) from error
    if not _TIME.fullmatch(settings.backup.time):
        raise SettingsError(f"backup.time: write it like 04:00, not {settings.backup.time!r}")
    if (settings.tls.certificate is None) != (settings.tls.key is None):
        raise SettingsError("tls.certificate and tls.key: give both, or neither")
    if settings.limits.commands_per_second and settings.limits.commands_burst < 1:
        raise SettingsError("limits.commands_burst: must be 1 or more")
    for operator in settings.operators:
        if not operator.password.startswith("$argon2id$"):
            raise SettingsError(
                "operators.password: must be an argon2id hash; tertulia hash-password makes one"
            )


def read_password(path: Path) -> str:
    """Return the password in the file at *path*, without the line's end."""
    try:
        text = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"server.password_file: cannot read {path}: {error}") from error
    if not text:
        raise SettingsError(f"server.password_file: {path} is empty")
    return text


def read_motd(settings: ServerSettings) -> tuple[str, ...]:
    """Return the lines of the message of the day."""
    if settings.motd_file is not None:
        try:
            return tuple(settings.motd_file.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"server.motd_file: cannot read {settings.motd_file}: {error}"
            ) from error
    return tuple(settings.motd.splitlines())
