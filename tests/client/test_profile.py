"""What the client keeps on disk, and what it makes of a file that is not in order."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tertulia.client.preferences import Preferences, PreferencesError, load
from tertulia.client.profile import Persona, Profile, ProfileError, Server
from tertulia.client.session.settings import Address, Credential, Unsent, Wish


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "config", tmp_path / "state")


def test_identities_are_kept_for_their_owner_alone(profile: Profile, tmp_path: Path) -> None:
    profile.add_identity("1", "secret", "5e1f", "ana", "Tea")
    profile.known_at("1", "beef")
    profile.known_at("1", "beef")
    known = Credential("1", "secret")
    assert profile.credentials() == {"5e1f": known, "beef": known}
    path = tmp_path / "config" / "identities.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_each_name_has_identities_of_its_own(profile: Profile, tmp_path: Path) -> None:
    other = Profile(tmp_path / "config", tmp_path / "state", "work")
    profile.add_identity("1", "a", "5e1f", "ana", "Tea")
    other.add_identity("2", "b", "5e1f", "bia", "Tea")
    assert profile.credentials()["5e1f"].number == "1"
    assert other.credentials()["5e1f"].number == "2"


def test_a_new_identity_of_a_server_takes_the_place_of_the_old_one(profile: Profile) -> None:
    profile.add_identity("1", "a", "5e1f", "ana", "Tea")
    profile.add_identity("2", "b", "5e1f", "ana", "Tea")
    assert profile.credentials() == {"5e1f": Credential("2", "b")}
    # It is not thrown away.
    assert [one.number for one in profile.identities()] == ["1", "2"]


def test_how_one_was_is_kept_by_name_and_network(profile: Profile, tmp_path: Path) -> None:
    persona = Persona(
        nick="ana",
        channels=[Wish("#tea", "key")],
        read_at={"#tea": 5},
        unsent=[Unsent("rui", "say", "hi", "c-1", 7)],
    )
    profile.set_persona("1", persona)
    again = Profile(tmp_path / "config", tmp_path / "state")
    assert again.persona("1") == persona
    assert again.persona("2") == Persona()
    assert again.kept().nick == "ana"
    assert Profile(tmp_path / "config", tmp_path / "state", "work").persona("1") == Persona()


def test_the_last_server_is_the_first(profile: Profile) -> None:
    first, second = (Server(address=Address(host, 6667)) for host in ("a", "b"))
    for server in (first, second, first, first):
        profile.remember(server)
    assert profile.kept().servers == [first, second]


def test_pins_and_people(profile: Profile) -> None:
    profile.set_pin("ircs://a:6697", "AA:BB")
    profile.set_people({"Mum": "eva"}, ("rui",))
    kept = profile.kept()
    assert (kept.pins, kept.contacts, kept.ignored) == (
        {"ircs://a:6697": "AA:BB"}, {"Mum": "eva"}, ["rui"],
    )  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"identities": [{"name": 1}]}', b"\xff\xfe"])
def test_a_file_that_is_not_in_order_is_an_error_and_stays(
    profile: Profile, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "config" / "identities.json"
    path.parent.mkdir()
    path.write_bytes(data)
    for use in (
        profile.identities,
        lambda: profile.add_identity("1", "a", "5e1f", "ana", "Tea"),
    ):
        with pytest.raises(ProfileError) as raised:
            use()
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
    assert path.read_bytes() == data


def test_a_write_that_fails_leaves_the_old_file(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.add_identity("1", "a", "5e1f", "ana", "Tea")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tertulia.client.profile.os.fsync", full)
    with pytest.raises(ProfileError, match="No space left on device"):
        profile.add_identity("2", "b", "beef", "ana", "Tea")
    monkeypatch.undo()
    assert [one.number for one in profile.identities()] == ["1"]
    profile.add_identity("3", "c", "beef", "ana", "Tea")
    assert [one.number for one in profile.identities()] == ["1", "3"]


def test_one_client_at_a_time_has_a_name(profile: Profile, tmp_path: Path) -> None:
    second = Profile(tmp_path / "config", tmp_path / "state")
    other = Profile(tmp_path / "config", tmp_path / "state", "work")
    assert profile.claim()
    assert not second.claim()
    assert other.claim()
    profile.release()
    assert second.claim()
    second.release()
    other.release()


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "x" * 65, "a\n"])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError):
        Profile(tmp_path, tmp_path, name)


def test_preferences(tmp_path: Path) -> None:
    assert load(tmp_path) == Preferences()
    (tmp_path / "client.toml").write_text('nick = "ana"\nhistory = 0\nlanguage = "pt_BR"\n')
    assert load(tmp_path) == Preferences(nick="ana", history=0, language="pt_BR")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nick =", "is not TOML"),
        ("nik = 'a'", "nik"),
        ("history = -1", "history"),
        ("history = 'x'", "history"),
        ("language = 'klingon'", "language"),
        ("theme = 'pink'", "theme"),
    ],
)
def test_wrong_preferences_are_an_error_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "client.toml").write_text(text)
    with pytest.raises(PreferencesError) as raised:
        load(tmp_path)
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
