"""What a real directory server of the tests is, whichever one it is."""

import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

# Of the extra `ldap`, which may not be there, nothing is imported before a server runs.

Values = Mapping[str, str | bytes | Sequence[str | bytes]]


class LdapServer(ABC):
    """A running server, and the ways in which tests fill and change it, as its administrator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._admin: object = None

    @abstractmethod
    def _connect(self):
        """Open a connection that may do everything."""

    @property
    @abstractmethod
    def access(self) -> Mapping[str, str]:
        """Return url, base and user, as a reader's settings name them."""

    @abstractmethod
    def id_of(self, dn: str) -> str:
        """Return an entry's id that never changes."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everybody, and give the reader its password back."""

    @abstractmethod
    def person(self, name: str, **more: str) -> str:
        """Create somebody and return their id."""

    @abstractmethod
    def group(self, name: str, members: Sequence[str]) -> str:
        """Create a group of these DNs and return its id."""

    @property
    def admin(self):
        """A connection that may do everything."""
        if self._admin is None or self._admin.closed:
            self._admin = self._connect()
        return self._admin

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()

    def add(self, dn: str, values: Values) -> str:
        """Create an entry and return its id."""
        from bonsai import LDAPEntry  # noqa: PLC0415 - see above

        entry = LDAPEntry(dn)
        for name, value in values.items():
            entry[name] = [value] if isinstance(value, (str, bytes)) else list(value)
        self.admin.add(entry)
        return self.id_of(dn)

    def change(self, dn: str, **values: str | bytes | list[str] | None) -> None:
        """Replace attributes; None takes one away."""
        from bonsai import LDAPModOp  # noqa: PLC0415 - see above

        entry = self._entry(dn)
        for name, value in values.items():
            if value is None:
                entry.change_attribute(name, LDAPModOp.DELETE)
            else:
                new = value if isinstance(value, list) else [value]
                entry.change_attribute(name, LDAPModOp.REPLACE, *new)
        entry.modify()

    def move(self, dn: str, new_dn: str) -> None:
        """Rename an entry."""
        self._entry(dn).rename(new_dn)

    def delete(self, dn: str) -> None:
        self.admin.delete(dn)

    def _entry(self, dn: str, attribute: str = "1.1"):
        (found,) = self.admin.search(dn, 0, "(objectClass=*)", [attribute])
        return found


def await_port(address: str, port: int, process: subprocess.Popen, *, seconds: int) -> None:
    """Wait until a program listens."""
    for _ in range(seconds * 20):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server never listened")
