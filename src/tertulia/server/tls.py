"""TLS: the certificate that is given, or one that the server makes for itself."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tertulia.server.addresses import own_addresses
from tertulia.server.private_files import write_file
from tertulia.server.settings import SettingsError, TlsSettings

VALID_DAYS = 3650


class Tls:
    """The TLS context of all listeners; `reload` takes a renewed certificate."""

    def __init__(self, settings: TlsSettings, data: Path, name: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._data = data
        self._name = name
        self.reload(settings)

    def reload(self, settings: TlsSettings) -> None:
        """Read the certificate again; new connections get it. Raises `SettingsError`."""
        certificate, key = settings.certificate, settings.key
        if certificate is None or key is None:
            certificate, key = self._data / "tls.crt", self._data / "tls.key"
            if not (certificate.exists() and key.exists()):
                make_certificate(certificate, key, self._name)
        try:
            # A chain that is refused can leave a context without a key: try it on another.
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                # The password is given so that nobody is asked for one on the terminal.
                context.load_cert_chain(certificate, key, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"tls.certificate: cannot use {certificate}: {error}") from error


def make_certificate(certificate: Path, key: Path, name: str) -> None:
    """Write a self-signed certificate for *name* and this machine's addresses (P-256)."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName(n) for n in dict.fromkeys((name, socket.gethostname(), "localhost"))
    ]
    addresses = ["127.0.0.1", "::1", *own_addresses()]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_file(key, pem)
    write_file(certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644)
