"""TLS: the server's own certificate, given ones, and their renewal."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from tertulia.server.settings import Settings, TlsSettings
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.places import SERVER, Place, running, settings


def trusting(certificate: Path) -> ssl.SSLContext:
    """Return what a client needs that trusts just this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return context


async def meet(place: Place, nick: str, tls: ssl.SSLContext) -> IrcClient:
    client = await place.knock(IrcClient, "ircs", tls=tls)
    await client.log_in(nick)
    return client


def serial(client: IrcClient) -> str:
    certificate = client.writer.get_extra_info("ssl_object").getpeercert()
    return str(certificate["serialNumber"])


async def test_the_own_certificate_is_good_for_this_machine_and_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    serials = []
    for _ in range(2):
        async with running(data, schemes=("irc", "ircs")) as place:
            ana = await meet(place, "ana", trusting(data / "tls.crt"))
            rui = await place.irc("rui")
            ana.tell("rui", "safe")
            await rui.expect_told("ana", "safe")
            rui.send("WHOIS ana")
            assert await rui.answer("671", "318")
            serials.append(serial(ana))
            ana.quit("bye")
            await ana.expect_goodbye("bye")
    assert serials[0] == serials[1]
    assert (data / "tls.key").stat().st_mode & 0o077 == 0


async def test_without_tls_the_secure_port_says_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, schemes=("irc", "ircs")) as place:
        stranger = await place.knock(IrcClient, "ircs")
        stranger.send("NICK ana")
        stranger.send("USER ana 0 * :x")
        await stranger.expect_closed()
        assert stranger.seen == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class Certificates:
    """Certificate files, which can be renewed."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.authority = authority
        self.files = TlsSettings(certificate=folder / "given.crt", key=folder / "given.key")
        self.root = folder / "root.crt"
        authority.cert_pem.write_to_path(str(self.root))
        self.renew()

    def renew(self) -> None:
        leaf = self.authority.issue_cert("127.0.0.1", SERVER)
        assert self.files.certificate is not None
        leaf.cert_chain_pems[0].write_to_path(str(self.files.certificate))
        leaf.private_key_pem.write_to_path(str(self.files.key))

    def settings(self) -> Settings:
        return settings(tls=self.files)


async def test_given_certificates_are_renewed_without_a_restart(
    tmp_path: Path, authority: trustme.CA
) -> None:
    given = Certificates(tmp_path, authority)
    data = tmp_path / "data"
    async with running(data, given.settings(), ("ircs",), given.settings) as place:
        tls = trusting(given.root)
        ana = await meet(place, "ana", tls)
        given.renew()
        assert place.server.reload() is None
        rui = await meet(place, "rui", tls)
        assert serial(rui) != serial(ana)
        ana.tell("rui", "who was here stays")
        await rui.expect_told("ana", "who was here stays")
    assert not (data / "tls.crt").exists()


async def test_a_bad_certificate_is_not_taken_and_the_old_one_stays(
    tmp_path: Path, authority: trustme.CA
) -> None:
    given = Certificates(tmp_path, authority)
    async with running(tmp_path / "data", given.settings(), ("ircs",), given.settings) as place:
        assert given.files.certificate is not None
        given.files.certificate.write_text("no certificate")
        problem = place.server.reload()
        assert problem is not None and "tls.certificate" in problem and "\n" not in problem
        await meet(place, "ana", trusting(given.root))
