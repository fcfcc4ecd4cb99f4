"""What the settings mean for each protocol."""

import pytest

from tertulia.server.listeners import MESH, SCHEMES
from tertulia.server.services import Services
from tertulia.server.settings import Limits, ServerSettings, Settings, SettingsError
from tests.server.kit import Place, Shell

OF_PEOPLE = SCHEMES.keys() - {MESH}


def services(place: Place, settings: Settings) -> Services:
    return Services(place.hub, settings, lambda: None)


def test_every_scheme_has_its_service():
    assert services(Place(), Settings()).opens.keys() == OF_PEOPLE


@pytest.mark.parametrize("scheme", sorted(OF_PEOPLE))
@pytest.mark.parametrize("limit", [0, 30])
def test_nobody_is_waited_for_longer_than_the_limit_and_0_is_none(scheme, limit):
    place = Place(instant=True)
    limits = Limits(login_s=limit, legacy_login_s=limit)
    opens = services(place, Settings(limits=limits)).opens[scheme]
    shell = Shell(place.hub)
    session = shell.session = opens(shell, None)
    session.greet()
    session.tick(29)
    assert not session.closing
    session.tick(1_000_000)
    comes_as_guest = scheme == "chatroom"
    assert session.closing is (limit > 0 and not comes_as_guest)


def test_settings_that_cannot_be_used_change_nothing(tmp_path):
    place = Place()
    ours = services(place, Settings())
    motd = tmp_path / "motd"
    with pytest.raises(SettingsError):
        ours.prepare(Settings(server=ServerSettings(motd_file=motd)))
    motd.write_text("hello\n")
    ours.prepare(Settings(server=ServerSettings(motd_file=motd)))()
