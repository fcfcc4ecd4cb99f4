"""The certificate that the server makes for itself, and those that it is given."""

import contextlib
import ipaddress
import os
import socket
import ssl

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tertulia.server import tls as module
from tertulia.server.settings import SettingsError, TlsSettings
from tertulia.server.tls import Tls, make_certificate

NAME = "tea.example"


def connected(tls, trusted, name):
    """The certificate that a client gets who trusts that file and asks for that name."""
    client = ssl.create_default_context(cafile=trusted)
    from_client, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = tls.context.wrap_bio(from_client, from_server, server_side=True)
    theirs = client.wrap_bio(from_server, from_client, server_hostname=name)
    for _ in range(5):
        for side in (theirs, ours):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return theirs.getpeercert()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return ca, folder / "ca.pem"


@pytest.fixture
def given(authority, tmp_path):
    """Settings with files, and what writes a new certificate into them."""
    ca, _ = authority
    settings = TlsSettings(certificate=tmp_path / "a.crt", key=tmp_path / "a.key")

    def issue(name):
        issued = ca.issue_cert(name)
        issued.private_key_pem.write_to_path(settings.key)
        issued.cert_chain_pems[0].write_to_path(settings.certificate)

    issue("one.example")
    return settings, issue


def test_the_own_certificate_is_made_once(tmp_path):
    tls = Tls(TlsSettings(), tmp_path, NAME)
    before = (tmp_path / "tls.crt").read_bytes()
    tls.reload(TlsSettings())
    Tls(TlsSettings(), tmp_path, NAME)
    assert (tmp_path / "tls.crt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tls.crt", "tls.key"]


@pytest.mark.parametrize("name", [NAME, "localhost", "127.0.0.1", "::1"])
def test_it_is_valid_for_the_servers_names(tmp_path, name):
    tls = Tls(TlsSettings(), tmp_path, NAME)
    assert connected(tls, tmp_path / "tls.crt", name)
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(tls, tmp_path / "tls.crt", "other.example")


def test_it_names_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "own_addresses", lambda: ["192.0.2.7", "2001:db8::7"])
    monkeypatch.setattr(socket, "gethostname", lambda: "box")
    make_certificate(tmp_path / "c", tmp_path / "k", NAME)
    certificate = x509.load_pem_x509_certificate((tmp_path / "c").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME, "box", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(a) for a in ("127.0.0.1", "::1", "192.0.2.7", "2001:db8::7")
    ]
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime.days == module.VALID_DAYS + 1


def test_nobody_else_can_read_the_key(tmp_path):
    before = os.umask(0)
    try:
        Tls(TlsSettings(), tmp_path, NAME)
    finally:
        os.umask(before)
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls.crt").stat().st_mode & 0o777 == 0o644


def test_what_a_crash_left_is_no_obstacle(tmp_path):
    (tmp_path / "tls.key.part").write_text("half a k")
    (tmp_path / "tls.crt").write_text("of another key")
    Tls(TlsSettings(), tmp_path, NAME)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tls.crt", "tls.key"]


def test_old_versions_are_not_spoken(tmp_path):
    assert Tls(TlsSettings(), tmp_path, NAME).context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_given_certificate(given, authority, tmp_path):
    settings, _ = given
    tls = Tls(settings, tmp_path / "unused", NAME)
    assert connected(tls, authority[1], "one.example")


def test_a_renewed_certificate_counts_for_new_connections(given, authority, tmp_path):
    settings, issue = given
    tls = Tls(settings, tmp_path, NAME)
    issue("two.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(tls, authority[1], "two.example")
    tls.reload(settings)
    assert connected(tls, authority[1], "two.example")


def break_missing(settings):
    settings.key.unlink()


def break_text(settings):
    settings.certificate.write_text("not a certificate")


def break_mismatch(settings):
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(settings.key)


def break_new_certificate(settings):
    issued = trustme.CA().issue_cert("x")
    issued.cert_chain_pems[0].write_to_path(settings.certificate)


def break_encrypted(settings):
    key = serialization.load_pem_private_key(settings.key.read_bytes(), None)
    settings.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


@pytest.mark.parametrize(
    "spoil",
    [break_missing, break_text, break_mismatch, break_new_certificate, break_encrypted],
)
def test_files_that_cannot_be_used_are_told_and_change_nothing(given, authority, tmp_path, spoil):
    settings, _ = given
    tls = Tls(settings, tmp_path, NAME)
    spoil(settings)
    for attempt in (lambda: tls.reload(settings), lambda: Tls(settings, tmp_path, NAME)):
        with pytest.raises(SettingsError, match=r"^tls\.certificate: cannot use ") as raised:
            attempt()
        assert "\n" not in str(raised.value)
    assert connected(tls, authority[1], "one.example")
