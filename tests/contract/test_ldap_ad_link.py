"""The connection that asks for changes keeps to the rules of the others, tried on a real slapd."""

import shutil
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from core.errors import SignInError, TerminalRemoteError
from core.http.addresses import AddressPolicy
from core.model.configuration import LdapSettings
from core.providers.context import ProviderContext
from core.providers.ldap.ad_link import SweepLink
from core.providers.ldap.ad_wire import Sweep, Swept
from core.providers.ldap.directory import Directory
from core.providers.ldap.reaching import parse_server
from core.providers.ldap.signing_in import Credentials
from core.providers.ldap.wire import Failed
from tests.contract.providers.backend import LIMITS, SECRET
from tests.support.clocks import WallClock
from tests.support.scim_backend import TOKEN
from tests.support.slapd import READER, SUFFIX, Slapd, require_slapd, running_slapd

pytest.importorskip("ldap")

UNAVAILABLE_CRITICAL_EXTENSION = 12
ASKED = Sweep(
    base=SUFFIX,
    filter="(objectClass=*)",
    attributes=["name"],
    cookie="",
    at_most=10,
    timeout=LIMITS.total,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    require_slapd()
    with running_slapd() as running:
        yield running


async def asked(server: Slapd, folder: Path, **changed: object) -> Swept | Failed:
    """Sign in as told and ask once."""
    for name in ("ca.pem", "other-ca.pem", "reader.pem", "reader.key"):
        shutil.copy(server.folder / name, folder / name)
    networks = (ip_network("127.0.0.0/8"),)
    usual = {"url": f"ldap://127.0.0.1:{server.port}", "base": SUFFIX, "ca": "file:ca.pem"}
    settings = LdapSettings(**{**usual, "user": READER, "password": SECRET, **changed})
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=networks,
        credentials_dir=folder,
        environ={"DIRSYNC_CREDENTIAL_T": TOKEN, "DIRSYNC_CREDENTIAL_WRONG": "wrong"},
        limits=LIMITS,
    )
    directory = Directory(
        settings,
        server=parse_server(settings.url, start_tls=settings.start_tls),
        credentials=Credentials(settings, context),
        policy=AddressPolicy(allowed=networks),
        limits=LIMITS,
        clock=WallClock(),
    )
    async with directory.connection(SweepLink) as link:
        return await link.sweep(ASKED)


async def test_it_signs_in_every_way_and_is_encrypted_before(server, tmp_path):
    certificate = {"certificate": "file:reader.pem", "key": "file:reader.key"}
    for changed in (
        {},
        {"url": f"ldaps://127.0.0.1:{server.tls_port}"},
        {"sasl": "SCRAM-SHA-256", "user": "reader"},
        {"user": None, "password": None, **certificate},
    ):
        found = await asked(server, tmp_path, **changed)

        assert isinstance(found, Failed)
        assert found.code == UNAVAILABLE_CRITICAL_EXTENSION, "signed in, and asked"


async def test_it_trusts_no_other_authority(server, tmp_path):
    for url in (f"ldap://127.0.0.1:{server.port}", f"ldaps://127.0.0.1:{server.tls_port}"):
        with pytest.raises(TerminalRemoteError) as raised:
            await asked(server, tmp_path, url=url, ca="file:other-ca.pem")
        assert raised.value.code == "tls"


async def test_a_refused_password_is_told_without_it(server, tmp_path):
    with pytest.raises(SignInError) as raised:
        await asked(server, tmp_path, password="env:DIRSYNC_CREDENTIAL_WRONG")

    assert "wrong" not in f"{raised.value} {raised.value.hint}"
