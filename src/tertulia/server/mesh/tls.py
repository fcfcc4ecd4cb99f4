"""TLS between servers: each has a certificate of its own, which the others remember.

No authority signs them. That both ends of a connection know the network's secret, and that nobody
is in between, is shown by the handshake that follows (see `tertulia.replication.handshake`).
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from tertulia.server.settings import SettingsError
from tertulia.server.tls import make_certificate

CERTIFICATE, KEY = "mesh.crt", "mesh.key"
"""Their names in the data directory. They are not those of ``[tls]``, which are renewed."""


class MeshTls:
    """The contexts of both ends. The certificate is made if there is none.

    *digest* is the SHA-256 of it. Raises `SettingsError`.
    """

    def __init__(self, data: Path, name: str) -> None:
        certificate, key = data / CERTIFICATE, data / KEY
        try:
            if not (certificate.exists() and key.exists()):
                make_certificate(certificate, key, name)
            self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.minimum_version = ssl.TLSVersion.TLSv1_3
            self.server.load_cert_chain(certificate, key, password="")
            der = ssl.PEM_cert_to_DER_cert(certificate.read_text("ascii"))
        except (OSError, ssl.SSLError, ValueError) as error:
            raise SettingsError(f"cannot use {certificate} and {key}: {error}") from error
        self.digest = hashlib.sha256(der).digest()
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.minimum_version = ssl.TLSVersion.TLSv1_3
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
