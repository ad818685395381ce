"""What a provider's real counterpart must be able to do, so that the contract suite can drive it.

A further provider gets the whole suite by adding one class like these and naming it in
``test_providers.py``.
"""

import asyncio
import csv
import io
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from core.http.limits import HttpLimits
from core.model.configuration import CsvSettings, ProviderSettings, ScimSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.faultproxy import FaultProxy
from tests.support.faults import Fault
from tests.support.scim_backend import TOKEN, ScimBackend, running_scim

LIMITS = HttpLimits(connect=5, read=20, total=30, attempts=2, retry_wait=0.01, retry_wait_max=0.05)
SECRET = "env:DIRSYNC_CREDENTIAL_T"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody to start with; `key` is how the suite calls them."""

    key: str
    active: bool = True
    groups: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.key}@example.com"


class Backend(ABC):
    """A real directory, before and after what the suite does to it."""

    signs_in = True
    "the directory asks for a credential"
    over_network = True
    "it can be unreachable"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    async def start(self, people: list[Person]) -> None:
        """Serve exactly these people, and the groups that they name."""

    @abstractmethod
    async def disable(self, key: str) -> None: ...

    @abstractmethod
    async def rename(self, key: str, title: str) -> None:
        """Give somebody another title."""

    @abstractmethod
    async def readdress(self, key: str, email: str) -> None:
        """Give somebody another e-mail address and user name."""

    @abstractmethod
    async def add(self, person: Person) -> None:
        """Create somebody; who was deleted gets what a newcomer of that key gets."""

    @abstractmethod
    async def delete(self, key: str) -> None: ...

    @abstractmethod
    async def spoil_one(self) -> None:
        """Make one person's record unreadable, its id apart."""

    @abstractmethod
    def settings(self, page_size: int) -> ProviderSettings: ...

    @abstractmethod
    def id_of(self, key: str) -> str:
        """The immutable id that the directory gave to somebody."""

    @abstractmethod
    async def refuse_sign_in(self) -> None:
        """Accept the credential no more, where there is one."""

    @abstractmethod
    async def go_away(self) -> None:
        """Accept no connections any more, where there are any."""

    def page_requests(self) -> int | None:
        """How many requests for people arrived, or None if that cannot be counted."""
        return None

    async def open(self, *, page_size: int = 1000) -> IdentityProvider:
        context = ProviderContext(
            clock=WallClock(),
            allow_networks=(ip_network("127.0.0.0/8"),),
            credentials_dir=self.folder,
            environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
            limits=LIMITS,
        )
        return await open_provider(self.settings(page_size), context=context)


class ScimHarness(Backend):
    """A real SCIM server behind the fault proxy."""

    def __init__(self, folder: Path, *, server: ScimBackend, proxy: FaultProxy) -> None:
        super().__init__(folder)
        self._server = server
        self._proxy = proxy
        self._ids: dict[str, str] = {}

    async def start(self, people: list[Person]) -> None:
        self._server.clear()
        await asyncio.to_thread(self._fill, people)
        self._server.application.paths.clear()

    def _fill(self, people: list[Person]) -> None:
        ids = self._server.add("/Users", [_scim_record(person) for person in people])
        self._ids = {person.key: one for person, one in zip(people, ids, strict=True)}
        for name, keys in _members(people).items():
            self._server.add_group(name, users=[self._ids[key] for key in keys])

    async def disable(self, key: str) -> None:
        await asyncio.to_thread(self._server.patch, self._ids[key], "active", False)

    async def rename(self, key: str, title: str) -> None:
        await asyncio.to_thread(self._server.patch, self._ids[key], "title", title)

    async def readdress(self, key: str, email: str) -> None:
        emails = [{"value": email, "primary": True}]
        await asyncio.to_thread(self._server.patch, self._ids[key], "emails", emails)
        await asyncio.to_thread(self._server.patch, self._ids[key], "userName", email)

    async def add(self, person: Person) -> None:
        ids = await asyncio.to_thread(self._server.add, "/Users", [_scim_record(person)])
        self._ids[person.key] = ids[0]

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._server.delete, self._ids[key])

    async def spoil_one(self) -> None:
        self._proxy.inject(Fault.RECORD_SURROGATE, page=1)

    async def refuse_sign_in(self) -> None:
        self._server.accept("Bearer another")

    async def go_away(self) -> None:
        self._proxy.stop_listening()

    def page_requests(self) -> int | None:
        return self._server.requests("/Users")

    def settings(self, page_size: int) -> ProviderSettings:
        return ScimSettings(url=self._proxy.url, token=SECRET, page_size=page_size)

    def id_of(self, key: str) -> str:
        return self._ids[key]


def _scim_record(person: Person) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": person.email,
        "displayName": person.key.title(),
        "active": person.active,
        "title": "Engineer",
        "emails": [{"value": person.email, "primary": True}],
    }


def _members(people: list[Person]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for person in people:
        for name in person.groups:
            members.setdefault(name, []).append(person.key)
    return members


class CsvFileHarness(Backend):
    """A file in the credentials folder."""

    signs_in = False
    over_network = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._rows: dict[str, list[str]] = {}

    async def start(self, people: list[Person]) -> None:
        self._rows = {person.key: _csv_row(person) for person in people}
        self._write()

    async def disable(self, key: str) -> None:
        self._rows[key][3] = "no"
        self._write()

    async def rename(self, key: str, title: str) -> None:
        self._rows[key][4] = title
        self._write()

    async def readdress(self, key: str, email: str) -> None:
        self._rows[key][1:3] = [email, email]
        self._write()

    async def add(self, person: Person) -> None:
        self._rows[person.key] = _csv_row(person)
        self._write()

    async def delete(self, key: str) -> None:
        del self._rows[key]
        self._write()

    async def spoil_one(self) -> None:
        self._rows[next(iter(self._rows))][3] = "perhaps"
        self._write()

    async def refuse_sign_in(self) -> None:
        """Nobody signs in to a file."""

    async def go_away(self) -> None:
        """A file is not connected to."""

    def settings(self, page_size: int) -> ProviderSettings:
        return CsvSettings(file="people.csv")

    def id_of(self, key: str) -> str:
        return f"id-{key}"

    def content(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["Id", "User name", "E-mail", "Active", "Title", "Groups"])
        writer.writerows(self._rows.values())
        return text.getvalue().encode()

    def _write(self) -> None:
        (self.folder / "people.csv").write_bytes(self.content())


def _csv_row(person: Person) -> list[str]:
    active = "yes" if person.active else "no"
    groups = "|".join(person.groups)
    return [f"id-{person.key}", person.email, person.email, active, "Engineer", groups]


class CsvUrlHarness(CsvFileHarness):
    """The same file behind a URL that asks for a token."""

    signs_in = True
    over_network = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.accepted = f"Bearer {TOKEN}"
        self.server: asyncio.Server | None = None
        self.port = 0

    def settings(self, page_size: int) -> ProviderSettings:
        return CsvSettings(url=f"http://127.0.0.1:{self.port}/people.csv", token=SECRET)

    async def refuse_sign_in(self) -> None:
        self.accepted = "nothing"

    async def go_away(self) -> None:
        assert self.server is not None
        self.server.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        signed_in = f"Authorization: {self.accepted}".lower() in head.lower()
        body = (self.folder / "people.csv").read_bytes() if signed_in else b"no"
        status = "200 OK" if signed_in else "401 Unauthorized"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scim_harness(folder: Path, server: ScimBackend) -> AsyncIterator[Backend]:
    async with FaultProxy(server.url) as proxy:
        yield ScimHarness(folder, server=server, proxy=proxy)


@asynccontextmanager
async def csv_file_harness(folder: Path, _: object) -> AsyncIterator[Backend]:
    yield CsvFileHarness(folder)


@asynccontextmanager
async def csv_url_harness(folder: Path, _: object) -> AsyncIterator[Backend]:
    harness = CsvUrlHarness(folder)
    harness.server = await asyncio.start_server(harness.answer, "127.0.0.1", 0)
    harness.port = harness.server.sockets[0].getsockname()[1]
    yield harness
    harness.server.close()
    await harness.server.wait_closed()


@contextmanager
def nothing_shared() -> Iterator[None]:
    yield None


HARNESSES: Mapping[str, tuple] = {
    "scim-index": (running_scim, scim_harness),
    "scim-cursor": (lambda: running_scim(cursor=True), scim_harness),
    "csv-file": (nothing_shared, csv_file_harness),
    "csv-url": (nothing_shared, csv_url_harness),
}
"""Name -> what all tests of a module share, and what each test gets."""


def crowd(count: int) -> list[Person]:
    """People in two groups, every tenth of them disabled."""
    return [
        replace(
            Person(key=f"p{n:04d}"),
            active=n % 10 != 9,
            groups=(f"group-{n % 50}",) if count > 1 else (),
        )
        for n in range(count)
    ]
