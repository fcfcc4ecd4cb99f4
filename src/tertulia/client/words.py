"""What the client says, in the language of whoever uses it.

Sentences stand in the source in English, as the argument of a `Words` that is called ``_``; the
catalogues are beside this module, in ``locales``.
"""

from __future__ import annotations

import gettext
import io
import os
from functools import lru_cache
from importlib import resources

from babel.core import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tertulia.client.session.events import State
from tertulia.client.session.model import Kind, Message
from tertulia.domain.text import unformatted

LANGUAGES = ("en", "pt_BR")
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""What says the language of messages, the first that is set (gettext, "Locale Names")."""


class Words:
    """The words of one language: ``_("…")`` translates, `plural` chooses by number."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def __call__(self, text: str) -> str:
        """Return *text* in this language."""
        return self._catalogue.gettext(text)

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the form for *count*, which stands in it as ``{count}``."""
        return self._catalogue.ngettext(one, many, count).format(count=count)

    @property
    def locale(self) -> Locale:
        """What Babel writes dates and numbers by."""
        return Locale.parse(self.language)


def words_for(language: str | None = None) -> Words:
    """Return the words of *language*, or of what the environment says; English for any other."""
    wanted = language or next(filter(None, map(os.environ.get, VARIABLES)), None) or "en"
    # A list of languages, as LANGUAGE may be, begins with the one that is liked best.
    base = wanted.partition(":")[0].partition(".")[0].replace("-", "_")
    found = negotiate_locale([base], LANGUAGES)
    if found is None:
        # Portuguese of elsewhere is nearer than English.
        found = next((one for one in LANGUAGES if one.split("_")[0] == base.split("_")[0]), "en")
    return Words(found)


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> gettext.NullTranslations:
    source = resources.files("tertulia.client").joinpath("locales", f"{language}.po")
    try:
        text = source.read_bytes()
    except FileNotFoundError:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def is_known(language: str) -> bool:
    """Whether there is such a language."""
    try:
        Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return False
    return True


def describe(message: Message, _: Words) -> str:
    """Return what *message* tells, without formatting, as a sentence where it tells of an act."""
    text, by, whom = unformatted(message.text), message.by, message.whom
    with_reason = f" ({text})" if text else ""
    match message.kind:
        case Kind.SAY | Kind.NOTICE | Kind.INFO | Kind.ERROR:
            return text
        case Kind.ACTION:
            return f"{by} {text}"
        case Kind.POKE:
            return _("{by} pokes {whom}").format(by=by, whom=whom)
        case Kind.JOIN:
            return _("{by} has come in").format(by=by)
        case Kind.PART:
            return _("{by} has left").format(by=by) + with_reason
        case Kind.QUIT:
            return _("{by} has gone").format(by=by) + with_reason
        case Kind.KICK:
            return _("{by} has put {whom} out").format(by=by, whom=whom) + with_reason
        case Kind.NICK:
            return _("{by} is now called {whom}").format(by=by, whom=whom)
        case Kind.INVITE:
            return _("{by} has invited {whom}").format(by=by, whom=whom)
        case Kind.MODE:
            return _("{by} has set {modes}").format(by=by, modes=text)
        case Kind.TOPIC if text:
            return _("{by} has set the topic: {topic}").format(by=by, topic=text)
        case Kind.TOPIC:
            return _("{by} has removed the topic").format(by=by)
        case Kind.NETSPLIT:
            return _("cut off with another server: {whom}").format(whom=whom)
        case Kind.NETJOIN:
            return _("back with another server: {whom}").format(whom=whom)


def state_words(state: State, why: str, wait_s: float | None, _: Words) -> str:
    """Return how the connection is; *wait_s* is until it is tried again."""
    match state:
        case State.CONNECTING:
            said = _("connecting")
        case State.REGISTERING:
            said = _("connected, introducing myself")
        case State.ONLINE:
            said = _("online")
        case State.OFFLINE:
            said = _("offline")
        case State.WAITING if wait_s is not None and wait_s >= 1:
            said = _.plural(
                "no connection, trying again in {count} second",
                "no connection, trying again in {count} seconds",
                round(wait_s),
            )
        case State.WAITING:
            said = _("no connection, trying again")
    return f"{said} ({_(why)})" if why else said
