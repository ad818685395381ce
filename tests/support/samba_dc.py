"""A real Active Directory domain controller (Samba), on a loopback address of its own.

It needs the privileged ports of LDAP, so it runs for root only; elsewhere its tests are left out.
"""

import importlib.util
import os
import secrets
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.certificates import make_certificates
from tests.support.ldap_server import LdapServer, await_port
from tests.support.scim_backend import TOKEN

BASE = "DC=ad,DC=example,DC=test"
STAFF = f"OU=Staff,{BASE}"
READER = "reader@ad.example.test"
WATCHER = "watcher@ad.example.test"
"""May look into the container of deleted objects, too."""
_READER_DN = f"CN=reader,CN=Users,{BASE}"
_WATCHER_DN = f"CN=watcher,CN=Users,{BASE}"
_ADMIN = "Administrator@ad.example.test"
_PASSWORD = "Administrator-1-of-the-tests"
_SAMBA = shutil.which("samba", path="/usr/sbin:/usr/local/sbin:/usr/bin")
_TOOL = shutil.which("samba-tool")
_PYTHON, _GRANT = "/usr/bin/python3", str(Path(__file__).with_name("samba_grant.py"))
_PROVISIONED = Path("/usr/share/samba/setup")
_SHOW_DELETED = "1.2.840.113556.1.4.417"
DISABLED, ENABLED = "546", "544"


def can_run() -> bool:
    """Whether this machine can have a domain controller."""
    tools = _SAMBA is not None and _TOOL is not None and _PROVISIONED.is_dir()
    return tools and os.geteuid() == 0 and importlib.util.find_spec("bonsai") is not None


class DomainController(LdapServer):
    """The running controller, and the ways in which tests fill and change it."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self.address = address

    def _connect(self):
        import bonsai  # noqa: PLC0415 - the extra may not be there, and then nothing of this runs

        client = bonsai.LDAPClient(f"ldaps://{self.address}")
        client.set_cert_policy("demand")
        client.set_ca_cert(str(self.ca))
        client.set_credentials("SIMPLE", _ADMIN, _PASSWORD)
        client.set_raw_attributes(["objectGUID", "unicodePwd"])
        return client.connect(timeout=30)

    @property
    def access(self) -> dict[str, str]:
        return {"url": f"ldaps://{self.address}", "base": STAFF, "user": READER}

    def id_of(self, dn: str) -> str:
        return str(uuid.UUID(bytes_le=self._entry(dn, "objectGUID")["objectGUID"][0]))

    def clear(self) -> None:
        """Forget everybody, and give the reader its password back."""
        from bonsai import NoSuchObjectError  # noqa: PLC0415 - likewise

        with suppress(NoSuchObjectError):
            self.admin.delete(STAFF, recursive=True)
        self.add(STAFF, {"objectClass": "organizationalUnit"})
        self.set_password(TOKEN)

    def unit(self, name: str) -> str:
        """Create an organizational unit among the staff and return its DN."""
        dn = f"OU={name},{STAFF}"
        self.add(dn, {"objectClass": "organizationalUnit"})
        return dn

    def restore(self, id_: str, dn: str) -> None:
        """Bring a deleted entry back, as MS-ADTS §3.1.1.5.3.7 wants it asked for."""
        import ldap  # noqa: PLC0415 - likewise
        from ldap.controls import RequestControl  # noqa: PLC0415 - likewise

        shown = [RequestControl(_SHOW_DELETED, criticality=True)]
        link = ldap.initialize(f"ldaps://{self.address}")
        link.set_option(ldap.OPT_X_TLS_CACERTFILE, str(self.ca))
        link.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        link.simple_bind_s(_ADMIN, _PASSWORD)
        link.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        ((deleted, _),) = link.search_ext_s(
            f"<GUID={id_}>", ldap.SCOPE_BASE, attrlist=["1.1"], serverctrls=shown
        )
        there = [
            (ldap.MOD_DELETE, "isDeleted", None),
            (ldap.MOD_REPLACE, "distinguishedName", [dn.encode()]),
        ]
        link.modify_ext_s(deleted, there, serverctrls=shown)
        link.unbind_s()

    def set_password(self, password: str) -> None:
        """Give the reader another password (MS-ADTS §3.1.1.3.1.5.1)."""
        self.change(_READER_DN, unicodePwd=f'"{password}"'.encode("utf-16-le"))

    def person(self, name: str, unit: str = STAFF, **more: str) -> str:
        """Create somebody and return their id."""
        values = {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@example.com",
            "displayName": name.title(),
            "mail": f"{name}@example.com",
            "title": "Engineer",
            "userAccountControl": ENABLED,
        }
        return self.add(f"CN={name},{unit}", values | more)

    def group(self, name: str, members: Sequence[str]) -> str:
        """Create a group of these DNs."""
        values = {"objectClass": "group", "sAMAccountName": name}
        named = {**values, "member": list(members)} if members else values
        return self.add(f"CN={name},{STAFF}", named)


def dn_of(name: str) -> str:
    return f"CN={name},{STAFF}"


@contextmanager
def running_samba() -> Iterator[DomainController]:
    """Run an empty domain; takes some seconds.

    Where the machine cannot have one, the test is skipped with the reason.
    """
    with TemporaryDirectory(prefix="samba-") as name:
        folder = Path(name)
        address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(200) + 20}.5"
        make_certificates(folder, address)
        (folder / "server.key").chmod(0o600)
        _provision(folder)
        configuration = _adapted(folder, address)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(_SAMBA), "-F", "--no-process-group", "-M", "single", "-s", str(configuration)],
                stdout=log,
                stderr=log,
            )
        controller = DomainController(folder, address)
        try:
            await_port(address, 636, process, seconds=30)
            for account in ("reader", "watcher"):
                _create(account, configuration)
            subprocess.run(
                [_PYTHON, _GRANT, str(configuration), f"CN=Deleted Objects,{BASE}", _WATCHER_DN],
                check=True,
                capture_output=True,
            )
            yield controller
        finally:
            controller.close()
            process.terminate()
            process.wait(timeout=30)


def _create(account: str, configuration: Path) -> None:
    command = [str(_TOOL), "user", "create", account, TOKEN, "-s", str(configuration)]
    subprocess.run(command, check=True, capture_output=True)


def _provision(folder: Path) -> None:
    made = subprocess.run(
        [
            str(_TOOL),
            "domain",
            "provision",
            "--realm=AD.EXAMPLE.TEST",
            "--domain=ADX",
            "--server-role=dc",
            "--dns-backend=NONE",
            f"--adminpass={_PASSWORD}",
            f"--targetdir={folder / 'domain'}",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"this machine cannot have a domain controller: {made.stderr[-300:]}")
    subprocess.run(
        [
            *(str(_TOOL), "domain", "passwordsettings", "set", "--complexity=off"),
            *("--min-pwd-age=0", "--history-length=0", "-s", f"{folder}/domain/etc/smb.conf"),
        ],
        check=True,
        capture_output=True,
    )


def _adapted(folder: Path, address: str) -> Path:
    """Serve LDAP alone, on this address, with our certificate, beside other controllers."""
    (folder / "pid").mkdir()
    configuration = folder / "domain" / "etc" / "smb.conf"
    ours = {
        "interfaces": f"{address}/8",
        "bind interfaces only": "yes",
        "server services": "ldap",
        "log file": f"{folder}/log.%m",
        "pid directory": f"{folder}/pid",
        "ncalrpc dir": f"{folder}/ncalrpc",
        "winbindd socket directory": f"{folder}/winbindd",
        "tls enabled": "yes",
        "tls certfile": f"{folder}/server.pem",
        "tls keyfile": f"{folder}/server.key",
        "tls cafile": f"{folder}/ca.pem",
    }
    kept = [
        line
        for line in configuration.read_text().splitlines()
        if line.partition("=")[0].strip() not in ours
    ]
    place = kept.index("[global]") + 1
    kept[place:place] = [f"\t{name} = {value}" for name, value in ours.items()]
    configuration.write_text("\n".join(kept) + "\n")
    return configuration
