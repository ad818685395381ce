"""The real counterparts that the contract suite drives.

A further provider gets the whole suite by adding one class like these to `HARNESSES`.
"""

import asyncio
import csv
import io
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from core.model.configuration import CsvSettings, ProviderSettings, ScimSettings
from tests.contract.providers.backend import SECRET, Backend, Person, members_of
from tests.contract.providers.entra_harness import (
    entra_certificate_harness,
    entra_secret_harness,
)
from tests.contract.providers.google_harness import google_harness
from tests.contract.providers.ldap_harness import active_directory_harness, openldap_harness
from tests.contract.providers.okta_harness import okta_app_harness, okta_token_harness
from tests.support.faultproxy import FaultProxy
from tests.support.faults import Fault
from tests.support.samba_dc import can_run, running_samba
from tests.support.scim_backend import TOKEN, ScimBackend, running_scim
from tests.support.slapd import running_slapd
from tests.vendors.entra_server import running_entra


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
        for name, keys in members_of(people).items():
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

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        people = [self._ids[key] for key in keys]
        inside = [self.group_ids[one] for one in groups]
        if name in self.group_ids:
            group = self.group_ids[name]
            await asyncio.to_thread(self._server.fill_group, group, users=people, groups=inside)
        else:
            group = await asyncio.to_thread(
                self._server.add_group, name, users=people, groups=inside
            )
        self.group_ids[name] = group

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


class CsvFileHarness(Backend):
    """A file in the credentials folder."""

    signs_in = False
    over_network = False
    lists_changes = False
    holds_groups = False

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

    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        assert not groups
        for key, row in self._rows.items():
            others = [one for one in row[5].split("|") if one not in {"", name}]
            row[5] = "|".join([*others, name] if key in keys else others)
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
    "entra-secret": (running_entra, entra_secret_harness),
    "entra-certificate": (running_entra, entra_certificate_harness),
    "google": (nothing_shared, google_harness),
    "okta-app": (nothing_shared, okta_app_harness),
    "okta-token": (nothing_shared, okta_token_harness),
    "ldap": (running_slapd, openldap_harness),
}
"""Name -> what all tests of a module share, and what each test gets."""

if can_run() and os.environ.get("DIRSYNC_TEST_SCALE") == "full":
    # A domain controller needs root and takes its time.
    HARNESSES = {**HARNESSES, "active-directory": (running_samba, active_directory_harness)}


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
