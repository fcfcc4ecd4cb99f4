"""The words: each sentence in the source has a translation, and languages are found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import tertulia
from tertulia.client.session.events import State
from tertulia.client.session.model import Kind, Message
from tertulia.client.words import LANGUAGES, describe, state_words, words_for

SOURCE = Path(tertulia.__file__).parent
TRANSLATING = {"_", "_n", "words"}
"""Functions, and methods, whose first argument is a sentence."""
REASONS = {"give_up": 0, "unreachable": 0, "stop": 0, "cannot_enter": 1, "Refused": 1}
"""What is said in English by those that know no language: where the sentence stands."""
COMMAND = (2, 3)
FIELDS = re.compile(r"\{[a-z_]*\}")


def sources() -> list[Path]:
    return [*sorted((SOURCE / "client").rglob("*.py")), SOURCE / "cli" / "chat.py"]


def sentences(tree: ast.AST) -> Iterator[str | tuple[str, str]]:
    """Yield each sentence; one that goes by number with its plural."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        texts = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
        if name == "plural" and isinstance(texts[0], str) and isinstance(texts[1], str):
            yield texts[0], texts[1]
        positions: tuple[int, ...] = (0,) if name in TRANSLATING else ()
        positions = COMMAND if name == "Command" else positions
        positions = (REASONS[name],) if name in REASONS else positions
        for position in positions:
            text = texts[position] if position < len(texts) else None
            if isinstance(text, str) and text:
                yield text


def all_sentences() -> set[str | tuple[str, str]]:
    return {
        one for path in sources() for one in sentences(ast.parse(path.read_text(encoding="utf-8")))
    }


def catalogue(language: str) -> Catalog:
    path = resources.files("tertulia.client").joinpath("locales", f"{language}.po")
    with path.open("rb") as file:
        return read_po(file, locale=language)


OTHERS = [one for one in LANGUAGES if one != "en"]


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_has_a_translation(language: str) -> None:
    known = catalogue(language)
    missing = []
    for sentence in all_sentences():
        found = known.get(sentence if isinstance(sentence, str) else sentence[0])
        if found is None or not found.string or not all(found.string) or found.id != sentence:
            missing.append(sentence)
    assert sorted(map(str, missing)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_say_the_same_things(language: str) -> None:
    for one in catalogue(language):
        if not one.id:
            continue
        source = one.id if isinstance(one.id, str) else one.id[1]
        for text in (one.string,) if isinstance(one.string, str) else (one.string or ()):
            left_out = set(FIELDS.findall(source)) - {"{count}"} - set(FIELDS.findall(text))
            assert left_out == set(), text
            assert set(FIELDS.findall(text)) <= set(FIELDS.findall(source)), text
            assert "fuzzy" not in one.flags


@pytest.mark.parametrize(
    ("asked", "language"),
    [("pt_BR", "pt_BR"), ("pt-BR", "pt_BR"), ("pt_PT", "pt_BR"), ("en_GB", "en"), ("de", "en")],
)
def test_the_nearest_language(asked: str, language: str) -> None:
    assert words_for(asked).language == language


def test_the_language_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    assert words_for().language == "pt_BR"
    for plain in ("C", "POSIX", "C.UTF-8", ""):
        monkeypatch.setenv("LANG", plain)
        assert words_for().language == "en"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_message_is_described(kind: Kind, language: str) -> None:
    message = Message(1, kind, "ana", "\x02why\x02", 0, whom="rui")
    words = describe(message, words_for(language))
    assert words
    assert "{" not in words
    assert "\x02" not in words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_each_state_is_described(state: State, language: str) -> None:
    _ = words_for(language)
    assert state_words(state, "", None, _)
    assert state_words(state, "because", 3.2, _).endswith("(because)")


def test_a_plural() -> None:
    _ = words_for("pt_BR")
    assert _.plural("{count} channel", "{count} channels", 1) == "1 canal"
    assert _.plural("{count} channel", "{count} channels", 3) == "3 canais"
