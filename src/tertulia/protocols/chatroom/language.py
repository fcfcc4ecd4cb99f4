"""English and Portuguese: what is told to those who use commands of one or the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from tertulia.domain import errors as x
from tertulia.domain.names import NICKNAME_LENGTH
from tertulia.protocols.lines import LINE_BYTES, LineNotText, LineTooLong

Language = Literal["en", "pt"]
Both = dict[Language, str]


def both(english: str, portuguese: str) -> Both:
    """Return a sentence in both languages."""
    return {"en": english, "pt": portuguese}


class Refused(x.ChatError):
    """A refusal that has its sentence in both languages."""

    def __init__(self, sentence: Both) -> None:
        super().__init__(sentence["en"])
        self.sentence = sentence


class NowhereToTalk(Refused):
    """The user is in no channel."""

    def __init__(self) -> None:
        super().__init__(
            both(
                "You are in no channel; /join #lobby brings you back",
                "Você não está em nenhum canal; /entrar #lobby traz você de volta",
            )
        )


def in_words(error: x.ChatError, language: Language) -> str:
    """Return the sentence that tells of *error*; in English where there is no other."""
    if language == "en":
        return str(error)
    if isinstance(error, Refused):
        return error.sentence[language]
    for kind in type(error).__mro__:
        if kind in PORTUGUESE:
            return PORTUGUESE[kind](error)
    return str(error)


PORTUGUESE: dict[type, Callable[[Any], str]] = {
    LineTooLong: lambda _: f"Uma linha tem no máximo {LINE_BYTES} bytes",
    LineNotText: lambda _: "A linha não é UTF-8 válido; nada foi enviado",
    x.InvalidName: lambda e: f"{e.name!r} não é um nome válido",
    x.InvalidNickname: lambda e: (
        f"{e.name!r} não é um nome válido: até {NICKNAME_LENGTH} letras, dígitos e []\\`_^{{|}}-, e"
        " nem dígito nem hífen no começo"
    ),
    x.EmptyText: lambda _: "Não há texto para enviar",
    x.InvalidText: lambda _: "O texto é longo demais, ou não é texto",
    x.NicknameReserved: lambda e: f"O apelido {e.nickname} pertence a outra pessoa",
    x.NicknameInUse: lambda e: f"O apelido {e.nickname} já está em uso",
    x.TooManyWaiting: lambda e: f"Já há mensagens demais à espera de {e.nickname}",
    x.NoSuchUser: lambda e: f"Não há nenhum usuário {e.name}",
    x.CutOff: lambda e: f"{e.name} está em um servidor que não pode ser alcançado agora",
    x.NoSuchChannel: lambda e: f"O canal {e.channel} não existe",
    x.NotInChannel: lambda e: f"Você não está em {e.channel}",
    x.UserNotInChannel: lambda e: f"{e.nickname} não está em {e.channel}",
    x.NotAdmin: lambda e: f"Você não é administrador de {e.channel}",
    x.CannotSend: lambda e: f"Você não pode falar em {e.channel}",
    x.Banned: lambda e: f"Você foi banido de {e.channel}",
    x.ShutOut: lambda e: f"Você foi expulso de {e.channel}; volte em {e.wait_s} segundos",
    x.InviteOnly: lambda e: f"{e.channel} é só para convidados",
    x.ChannelFull: lambda e: f"{e.channel} está cheio",
    x.WrongPassword: lambda e: f"A senha de {e.channel} falta ou está errada",
    x.TooManyChannels: lambda _: "Você já está no máximo de canais",
    x.NotOperator: lambda _: "Só um operador do servidor pode fazer isso",
    x.NoSearch: lambda e: f"A busca não funciona: {e.why}",
    x.NoBackup: lambda e: f"Não há backup: {e.why}",
    x.TooManyBroadcasts: lambda _: "Mensagens a todos são limitadas; tente mais tarde",
}
