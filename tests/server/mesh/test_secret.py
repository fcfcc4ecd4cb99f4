"""The file with the network's secret, and the code that carries it to another server."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.server.mesh.secret import (
    CodeError,
    after_joining,
    code_of,
    new_secret,
    read_secrets,
    secret_in,
    secrets_at,
    write_secrets,
)
from tertulia.server.settings import SettingsError

ONE, TWO, THREE = (bytes([n]) * 32 for n in (1, 2, 3))
secrets = st.binary(min_size=32, max_size=32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.secret"


@pytest.mark.parametrize("these", [[ONE], [TWO, ONE]])
def test_what_is_written_is_read(path, these):
    write_secrets(path, these)
    assert read_secrets(path) == these
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_is_made_only_where_there_is_none(path):
    (made,) = secrets_at(None, path.parent)
    assert len(made) == 32
    assert secrets_at(None, path.parent) == read_secrets(path) == [made]
    assert new_secret() != made


def test_none_is_made_where_somebody_said_that_it_is(path):
    with pytest.raises(SettingsError, match="cannot read"):
        secrets_at(path, path.parent)
    assert not path.exists()
    write_secrets(path, [TWO])
    assert secrets_at(path, path.parent / "nowhere") == [TWO]


@pytest.mark.parametrize(
    "text",
    ["", "\n", "ab" * 31, "ab" * 33, "xy" * 32, "ab" * 32 + "\n" + "x", f"{'ab' * 32}\n" * 3, "é"],
)
def test_what_is_no_secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError) as raised:
        secrets_at(path, path.parent)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "ab" * 31 not in str(raised.value)
    assert path.read_text() == text


def test_lines_may_be_written_by_hand(path):
    path.write_text(f"  {TWO.hex().upper()}\r\n\n{TWO.hex()}")
    path.chmod(0o600)
    assert read_secrets(path) == [TWO]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_it_is_for_its_owner_alone(path, mode):
    write_secrets(path, [ONE])
    path.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_secrets(path)


def test_a_file_that_cannot_be_used(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "secret"):
        with pytest.raises(SettingsError, match="network's secret"):
            secrets_at(path, tmp_path)


@pytest.mark.parametrize(
    ("before", "rotate", "after"),
    [
        ([], False, [ONE]),
        ([], True, [ONE]),
        ([TWO], False, [ONE]),
        ([TWO], True, [ONE, TWO]),
        ([TWO, THREE], True, [ONE, TWO]),
        ([ONE], True, [ONE]),
        ([ONE, TWO], True, [ONE, TWO]),
        ([TWO, ONE], True, [ONE, TWO]),
    ],
)
def test_the_old_one_is_kept_only_while_they_change(before, rotate, after):
    assert after_joining(ONE, before, rotate) == after


@given(secrets)
def test_a_code_is_read_however_it_is_typed(secret):
    code = code_of(secret)
    assert len(code) == 63
    assert code.isascii()
    assert code == code.upper()
    likes = code.replace("0", "o").replace("1", "l")
    for typed in (code, code.lower(), code.replace("-", ""), f"  {code}\r\n", likes):
        assert secret_in(typed) == secret


@given(secrets, st.integers(0, 62), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_typing_error_is_found(secret, place, letter):
    code = code_of(secret)
    wrong = code[:place] + letter + code[place + 1 :]
    if code[place] not in ("-", letter):
        with pytest.raises(CodeError, match="mistyped"):
            secret_in(wrong)


@given(st.text())
def test_no_text_is_a_code_by_chance(text):
    with pytest.raises(CodeError) as raised:
        secret_in(text)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "tertulia invite"),
        (" - ", "tertulia invite"),
        (code_of(ONE)[:-1], "55 letters"),
        (code_of(ONE) + "7", "57 letters"),
        (code_of(ONE).replace("-", "u", 1), "no U"),
        ("\x1b[31m", "cannot be shown"),
    ],
)
def test_what_is_wrong_with_a_code(code, words):
    with pytest.raises(CodeError, match=words):
        secret_in(code)
