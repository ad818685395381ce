"""A real OpenLDAP server (slapd) on free loopback ports, filled over LDAP itself."""

import importlib.util
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.certificates import make_certificates
from tests.support.ldap_server import LdapServer, await_port
from tests.support.scim_backend import TOKEN

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/lib/openldap:/usr/libexec")
SUFFIX = "dc=example,dc=com"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "admin-of-the-tests"
READER = f"cn=reader,{SUFFIX}"
ACCOUNTS = ("reader", "small-pages", "capped", "blind", "without-ids")
"""Accounts with TOKEN as their password; all but the first lack something."""
_MODULES = ("/usr/lib/ldap", "/usr/lib/openldap", "/usr/libexec/openldap")
_SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema")


def require_slapd() -> None:
    """Skip where there is no slapd or no LDAP library."""
    if SLAPD is None or importlib.util.find_spec("bonsai") is None:
        pytest.skip("needs slapd and the ldap extra")


class Slapd(LdapServer):
    """The running server, and the ways in which tests fill and change it."""

    def __init__(self, folder: Path, *, port: int, tls_port: int) -> None:
        super().__init__(folder)
        self.port = port
        self.tls_port = tls_port

    def _connect(self):
        import bonsai  # noqa: PLC0415 - the extra may not be there, and then all this is skipped

        client = bonsai.LDAPClient(f"ldap://127.0.0.1:{self.port}")
        client.set_credentials("SIMPLE", ADMIN, ADMIN_PASSWORD)
        client.set_raw_attributes(["entryUUID"])
        client.set_managedsait(val=True)
        return client.connect(timeout=10)

    @property
    def access(self) -> dict[str, str]:
        return {"url": f"ldap://127.0.0.1:{self.port}", "base": SUFFIX, "user": READER}

    def id_of(self, dn: str) -> str:
        return self._entry(dn, "entryUUID")["entryUUID"][0].decode()

    def clear(self) -> None:
        """Forget everybody, and give the reader its password back."""
        for base in (PEOPLE, GROUPS):
            found = [str(one.dn) for one in self.admin.search(base, 2, "(objectClass=*)", ["1.1"])]
            for dn in sorted(found[1:], key=lambda dn: -dn.count(",")):
                self.admin.delete(dn, recursive=False)
        self.change(READER, userPassword=TOKEN)

    def person(self, name: str, **more: str | list[str]) -> str:
        """Create somebody and return their id."""
        return self.add(dn_of(name), person_values(name) | more)

    def unit(self, name: str, above: str = PEOPLE) -> str:
        """Create an organizational unit and return its DN."""
        dn = f"ou={name},{above}"
        self.add(dn, {"objectClass": "organizationalUnit"})
        return dn

    def group(self, name: str, members: Sequence[str]) -> str:
        """Create a group of these DNs; an empty one has itself as the member it must have."""
        dn = f"cn={name},{GROUPS}"
        values = {"objectClass": "groupOfNames", "cn": name, "member": members or [dn]}
        return self.add(dn, values)


def dn_of(name: str) -> str:
    return f"cn={name},{PEOPLE}"


def person_values(name: str) -> dict[str, str | list[str]]:
    return {
        "objectClass": "inetOrgPerson",
        "uid": f"{name}@example.com",
        "cn": name,
        "sn": name.title(),
        "displayName": name.title(),
        "mail": f"{name}@example.com",
        "title": "Engineer",
    }


def _found(name: str, places: Sequence[str]) -> Path:
    return next(Path(place) for place in places if (Path(place) / name).exists())


def _configuration(folder: Path) -> str:
    modules, schemas = _found("back_mdb.la", _MODULES), _found("core.schema", _SCHEMAS)
    includes = "\n".join(
        f"include {schemas}/{name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")
    )
    return f"""
{includes}
modulepath {modules}
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSVerifyClient allow
sasl-auxprops slapd
sasl-secprops none
authz-regexp "uid=([^,]*),(cn=[^,]*,)*cn=auth" "cn=$1,{SUFFIX}"
authz-regexp "cn=reader,o=tests" "{READER}"
password-hash {{CLEARTEXT}}
referral ldap://elsewhere.example/
database mdb
suffix {SUFFIX}
rootdn {ADMIN}
rootpw {ADMIN_PASSWORD}
directory {folder}/data
dbnosync
maxsize 268435456
index objectClass,entryUUID,uid,mail eq
overlay ppolicy
overlay memberof
limits dn.exact="{READER}" size.soft=500 size.hard=500 size.pr=unlimited size.prtotal=unlimited
limits dn.exact="cn=small-pages,{SUFFIX}" size.pr=60 size.prtotal=unlimited
limits dn.exact="cn=capped,{SUFFIX}" size.soft=70 size.hard=70
access to attrs=userPassword by anonymous auth by * none
access to attrs=entryUUID by dn.exact="cn=without-ids,{SUFFIX}" none by users read
access to dn.exact="" by * read
access to * by dn.exact="cn=blind,{SUFFIX}" none by users read by anonymous auth
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_slapd(*, ldif: str = "") -> Iterator[Slapd]:
    """Run a directory of the entries of `ldif`, or an empty one."""
    require_slapd()
    with TemporaryDirectory(prefix="slapd-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        make_certificates(folder)
        # A copy, because some systems confine the installed program to its own folders.
        shutil.copy(str(SLAPD), folder / "slapd")
        (folder / "slapd.conf").write_text(_configuration(folder))
        if ldif:
            _load(folder, ldif)
        port, tls_port = _free_port(), _free_port()
        urls = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/"
        process = subprocess.Popen(
            [str(folder / "slapd"), "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Slapd(folder, port=port, tls_port=tls_port)
        try:
            await_port("127.0.0.1", port, process, seconds=10)
            if not ldif:
                _furnish(server)
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait(timeout=20)


def _load(folder: Path, ldif: str) -> None:
    """Put entries into the database without a server."""
    (folder / "entries.ldif").write_text(ldif)
    files = ["-f", str(folder / "slapd.conf"), "-l", str(folder / "entries.ldif")]
    loader = [str(folder / "slapd"), "-T", "add", "-q", *files]
    subprocess.run(loader, check=True, capture_output=True)


def _furnish(server: Slapd) -> None:
    server.add(SUFFIX, {"objectClass": ["dcObject", "organization"], "dc": "example", "o": "Ex"})
    for base, ou in ((PEOPLE, "people"), (GROUPS, "groups")):
        server.add(base, {"objectClass": "organizationalUnit", "ou": ou})
    for name in ACCOUNTS:
        values = {"objectClass": ["organizationalRole", "simpleSecurityObject"], "cn": name}
        server.add(f"cn={name},{SUFFIX}", {**values, "userPassword": TOKEN})
