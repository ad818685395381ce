"""The CSV identity provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from core.errors import ConfigurationError, TerminalRemoteError
from core.http.client import HttpClient
from core.http.redaction import Redactor
from core.http.tokens import BearerToken
from core.model.configuration import CsvSettings
from core.model.directory import (
    Capabilities,
    ChangePage,
    CheckReport,
    ExternalId,
    Page,
    Presence,
    ProviderGroup,
    ProviderUser,
    Watermark,
)
from core.providers.context import ProviderContext
from core.providers.csv_file.changes import mark_of, unchanged_page
from core.providers.csv_file.check import check_file
from core.providers.csv_file.rows import (
    REVISION,
    GroupRow,
    decode_group,
    decode_row,
    groups_of,
    row_id,
)
from core.providers.csv_file.source import LocalSource, RemoteSource, Snapshot, Source
from core.providers.csv_file.table import Table
from core.providers.finding import find_listed

_PAGE_SIZE = 1000


class CsvProvider:
    """People of a CSV file, and groups from its groups column.

    The listing's explicit end is the end of a file that was not replaced, written to or cut short
    while it was read. Errors in single rows are those people's errors.
    """

    def __init__(self, *, source: Source, settings: CsvSettings, wanted: frozenset[str]) -> None:
        self._source = source
        self._settings = settings
        self._wanted = wanted
        self._members: dict[str, list[str]] | None = None

    @classmethod
    async def open(cls, settings: CsvSettings, *, context: ProviderContext) -> CsvProvider:
        """Return the provider; nothing is opened yet.

        Raises `ConfigurationError` if the settings cannot be used.
        """
        source = await _source(settings, context)
        return cls(source=source, settings=settings, wanted=context.wanted)

    @property
    def capabilities(self) -> Capabilities:
        """Groups; no single reads and no announced total; that a file is the same is a delta."""
        return Capabilities(
            groups=True,
            read_one=False,
            announces_total=False,
            delta=self._settings.delta,
            page_size=_PAGE_SIZE,
        )

    @property
    def decoder_revision(self) -> str:
        """Changes with the decoder."""
        return REVISION

    @property
    def requests(self) -> int:
        """How many requests went out so far; none for a file of this machine."""
        return self._source.requests

    async def read_users(self) -> AsyncIterator[Page]:
        """Yield all rows in pages; what they say about groups is kept for `read_groups`."""
        members: dict[str, list[str]] = {}
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                await asyncio.to_thread(_collect, page.records, members)
                if page.last:
                    self._members = members
                yield page

    async def read_groups(self) -> AsyncIterator[Page]:
        """Yield the groups that the rows of the last complete reading name.

        If there was none, the file is read for it.
        """
        if self._members is None:
            async with aclosing(self._pages()) as pages:
                members: dict[str, list[str]] = {}
                complete = False
                async for page in pages:
                    await asyncio.to_thread(_collect, page.records, members)
                    complete = page.last
        else:
            members, complete = self._members, True
        records = [
            msgspec.json.encode(GroupRow(name=name, members=sorted(ids)))
            for name, ids in sorted(members.items())
        ]
        for start in range(0, max(1, len(records)), _PAGE_SIZE):
            end = start + _PAGE_SIZE
            yield Page(
                records=records[start:end],
                last=complete and end >= len(records),
                total=len(records),
                token=str(start),
            )

    async def watermark(self) -> Watermark | None:
        """Return what tells this file from another."""
        return await mark_of(self._source) if self._settings.delta else None

    async def read_changes(self, since: Watermark) -> AsyncIterator[ChangePage]:
        """Yield that nothing changed, or raise: a file does not say what changed in it."""
        if self._settings.delta:
            yield await unchanged_page(self._source, since)

    def decode_user(self, raw: bytes) -> ProviderUser:
        """Decode one row, or raise `RecordError`."""
        return decode_row(raw)

    def decode_group(self, raw: bytes) -> ProviderGroup:
        """Decode one group."""
        return decode_group(raw)

    def identify(self, raw: bytes) -> ExternalId | None:
        """Return the id of an unreadable row, or None if even that is lost."""
        return row_id(raw)

    async def read_user(self, external_id: ExternalId) -> Presence:
        """Refuse: a file is read in full or not at all (see `capabilities`)."""
        raise TerminalRemoteError(
            f"A CSV file cannot be asked for one person ({external_id}).", code="not_available"
        )

    async def read_group(self, external_id: ExternalId) -> Presence:
        """Refuse likewise."""
        raise TerminalRemoteError(
            f"A CSV file cannot be asked for one group ({external_id}).", code="not_available"
        )

    async def find_user(self, name: str) -> bytes | None:
        """Return the one person's row, or None; the file is read for it."""
        return await find_listed(self._pages(), name, decode=decode_row, identify=row_id)

    async def check(self) -> CheckReport:
        """Say what works and what to do about the rest."""
        return await check_file(self._source, self._table)

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._source.aclose()

    def _table(self, snapshot: Snapshot) -> Table:
        return Table(snapshot, self._settings, self._wanted)

    async def _pages(self) -> AsyncGenerator[Page, None]:
        snapshot = await self._source.open()
        try:
            table = await asyncio.to_thread(self._table, snapshot)
            rows = await asyncio.to_thread(table.next_rows, _PAGE_SIZE)
            number = 1
            while True:
                following = await asyncio.to_thread(table.next_rows, _PAGE_SIZE)
                last = not following and table.whole()
                yield Page(records=rows, last=last, total=None, token=str(number))
                if not following:
                    return
                rows, number = following, number + len(rows)
        finally:
            snapshot.close()


def _collect(records: Sequence[bytes], members: dict[str, list[str]]) -> None:
    """Note who is in which group."""
    for raw in records:
        key, names = groups_of(raw)
        for name in names:
            members.setdefault(name, []).append(key)


async def _source(settings: CsvSettings, context: ProviderContext) -> Source:
    if (settings.file is None) == (settings.url is None):
        raise ConfigurationError(
            "The configuration must name either a file or a url.",
            hint="file is a path below the credentials folder.",
        )
    if settings.file is not None:
        return LocalSource(settings.file, context.references)
    redactor = Redactor()
    authorizer = None
    if settings.token:
        authorizer = BearerToken(context.secret(settings.token, name="token"), redactor=redactor)
    client = await HttpClient.open(
        settings.url or "",
        options=context.http,
        authorizer=authorizer,
        redactor=redactor,
        called="The file's server",
    )
    return RemoteSource(client)
