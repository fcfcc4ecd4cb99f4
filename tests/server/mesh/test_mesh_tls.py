"""The certificate by which a server is known to others."""

import contextlib
import hashlib
import ssl
import stat

import pytest

from tertulia.server.mesh.tls import MeshTls
from tertulia.server.settings import SettingsError


def test_it_is_made_once_and_kept(tmp_path):
    first = MeshTls(tmp_path, "north.example")
    again = MeshTls(tmp_path, "another.example")
    assert first.digest == again.digest
    assert stat.S_IMODE((tmp_path / "mesh.key").stat().st_mode) == 0o600
    assert not (tmp_path / "tls.crt").exists()


def test_what_an_initiator_sees_is_the_digest(tmp_path):
    tls = MeshTls(tmp_path, "north.example")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = tls.server.wrap_bio(there, back, server_side=True)
    client = tls.client.wrap_bio(back, there)
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    found = client.getpeercert(binary_form=True)
    assert found is not None
    assert hashlib.sha256(found).digest() == tls.digest
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["mesh.crt", "mesh.key"])
def test_one_that_cannot_be_used_says_so(tmp_path, name):
    MeshTls(tmp_path, "north.example")
    (tmp_path / name).write_text("nonsense")
    with pytest.raises(SettingsError, match=r"mesh\.crt"):
        MeshTls(tmp_path, "north.example")
