"""One directory server: links to it, what it says of itself, its listings and single entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from urllib.parse import unquote

import stamina

from core.errors import RemoteError, TerminalRemoteError, TransientRemoteError
from core.http.addresses import AddressPolicy
from core.http.limits import HttpLimits
from core.http.retry import retry_rule
from core.model.configuration import LdapSettings
from core.ports import Clock
from core.providers.ldap.dialect import ROOT_ATTRIBUTES, Dialect, Values, dialect_of
from core.providers.ldap.faults import referred
from core.providers.ldap.link import Link
from core.providers.ldap.names import normal_dn
from core.providers.ldap.reaching import Server, diagnosis, refuse_forbidden
from core.providers.ldap.signing_in import Credentials
from core.providers.ldap.wire import ENTRY, Entry, Found, IdKind, Search

ANYTHING: Final = "(objectClass=*)"
NO_ATTRIBUTES: Final = "1.1"
_SMALLEST_PAGE: Final = 50
_LARGEST_PAGE: Final = 5000
_NAMES_PER_RECORD: Final = 5
_FEW: Final = 100

LinkT = TypeVar("LinkT", bound=Link)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What to search for.

    Attributes:
        subtree: everything below the base too, not the base alone.
        names_only: the records are small, so pages can have more of them.
        filter: a whole filter; every value in it has been escaped.
        attributes: which attributes the records have, the id apart.
    """

    base: str
    filter: str
    attributes: tuple[str, ...] = (NO_ATTRIBUTES,)
    subtree: bool = True
    names_only: bool = False


class Directory:
    """Searches one server.

    Every listing has a connection of its own, because a server keeps one position of paged results
    a connection; a connection whose listing ended well is used again.

    Attributes:
        requests: how many searches and pages were asked for so far.
        limits: how long it may take to answer, and how much it may answer.
    """

    def __init__(
        self,
        settings: LdapSettings,
        *,
        server: Server,
        credentials: Credentials,
        policy: AddressPolicy,
        limits: HttpLimits,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.server = server
        self.requests = 0
        self._credentials = credentials
        self._policy = policy
        self.limits = limits
        self._clock = clock
        self._idle: list[Link] = []
        self._busy: set[Link] = set()
        self._dialect: Dialect | None = None
        self._page_size = settings.page_size
        self._large_pages = True

    @property
    def host(self) -> str:
        """The server's name, for people."""
        return self.server.host

    async def dialect(self, *, patient: bool = True) -> Dialect:
        """Return how the server speaks, asking once for its root DSE."""
        if self._dialect is None:
            self._dialect = dialect_of(await self.root(patient=patient), self.settings)
        return self._dialect

    async def root(self, *, patient: bool = True) -> Values:
        """Return what the server says of itself, by lower-case attribute name."""
        question = Question(base="", filter=ANYTHING, attributes=ROOT_ATTRIBUTES, subtree=False)
        async with self._link(patient=patient) as link:
            found = await self._begin(link, question, id_attribute="", id_kind=IdKind.TEXT)
        return ENTRY.decode(found.records[0]).values if found.records else {}

    async def pages(self, question: Question) -> AsyncGenerator[Found, None]:
        """Yield a listing's pages; the last one is marked only if the listing is whole.

        A page is requested while the one before it is looked at. The library takes a referral of
        the whole search for a success, and an answer without the control of paged results for the
        end. So the base has to be there afterwards, and an end after a full or an empty page, where
        there could be more, is believed only after a second count with other pages.
        """
        dialect = await self.dialect()
        count = largest = 0
        async with aclosing(self._walk(question, self._size(question))) as walk:
            async for found in walk:
                self._refuse_references(found, dialect)
                count += len(found.records)
                if not found.last:
                    largest = max(largest, len(found.records))
                    yield found
        await self._require_base(question.base)
        if len(found.records) in {0, largest or self._size(question)}:
            await self._require_count(question, count)
        yield found

    async def few(self, question: Question, *, size_limit: int = 0) -> list[Entry]:
        """Return the entries of a search that finds few; referrals are refused."""
        return [ENTRY.decode(raw) for raw in await self.few_raw(question, size_limit=size_limit)]

    async def few_raw(self, question: Question, *, size_limit: int = 0) -> list[bytes]:
        """Return the raw records of a search that finds few, at most the first hundreds."""
        dialect = await self.dialect()
        async with self._link() as link:
            found = await self._begin(
                link,
                question,
                id_attribute=dialect.id_attribute,
                id_kind=dialect.id_kind,
                page_size=min(_FEW, self._page_size),
                size_limit=size_limit,
            )
        self._refuse_references(found, dialect)
        return [bytes(raw) for raw in found.records]

    async def is_there(self, dn: str) -> bool:
        """Say whether an entry of this DN is there and shown."""
        question = Question(base=dn, filter=ANYTHING, subtree=False)
        return await self.found_at(question) is not None

    async def found_at(self, question: Question) -> Entry | None:
        """Return the entry that a question for one DN finds, or None."""
        try:
            found = await self.few(question)
        except TerminalRemoteError as error:
            if error.code != "base_missing":
                raise
            return None
        return found[0] if found else None

    async def shows_any(self, question: Question) -> bool:
        """Say whether a search finds anything at all."""
        try:
            return bool(await self.few_raw(question, size_limit=1))
        except TerminalRemoteError as error:
            if error.code == "size_limit":
                return True
            raise

    @asynccontextmanager
    async def connection(self, kind: type[LinkT]) -> AsyncIterator[LinkT]:
        """Lend a connection of another kind, which is closed afterwards."""
        link = await self._connected(kind, patient=True)
        self._busy.add(link)
        try:
            yield link
        finally:
            self._busy.discard(link)
            await link.close()

    async def aclose(self) -> None:
        """End all connections; safe to call twice."""
        links, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for link in links:
            await link.close()

    def _size(self, question: Question) -> int:
        """Return how many records to ask for a page."""
        large = min(_LARGEST_PAGE, self._page_size * _NAMES_PER_RECORD)
        return large if question.names_only and self._large_pages else self._page_size

    async def _walk(self, question: Question, size: int) -> AsyncGenerator[Found, None]:
        """Yield a search's pages as they come."""
        async with self._link() as link:
            found = await self._first_page(link, question, size)
            while not found.last:
                yield found
                self.requests += 1
                found = await link.more()
        yield found

    async def _first_page(self, link: Link, question: Question, size: int) -> Found:
        """Return the first page, with smaller pages if the server's limit for one is lower."""
        dialect = await self.dialect()
        while True:
            try:
                return await self._begin(
                    link,
                    question,
                    id_attribute=dialect.id_attribute,
                    id_kind=dialect.id_kind,
                    page_size=size,
                )
            except TerminalRemoteError as error:
                if error.code != "size_limit" or size <= _SMALLEST_PAGE:
                    raise
                if size > self._page_size:
                    self._large_pages, size = False, self._page_size
                else:
                    self._page_size = size = max(_SMALLEST_PAGE, size // 2)

    async def _begin(
        self,
        link: Link,
        question: Question,
        *,
        id_attribute: str,
        id_kind: IdKind,
        page_size: int = 0,
        size_limit: int = 0,
    ) -> Found:
        self.requests += 1
        return await link.begin(
            Search(
                base=question.base,
                subtree=question.subtree,
                filter=question.filter,
                attributes=list(question.attributes),
                page_size=page_size or self._page_size,
                id_attribute=id_attribute,
                id_kind=id_kind,
                timeout=self.limits.total,
                size_limit=size_limit,
            )
        )

    def _refuse_references(self, found: Found, dialect: Dialect) -> None:
        if self.settings.skip_referrals:
            return
        for url in found.references:
            if not is_emptied(url, dialect.emptied):
                raise referred(self.host, url[:200])

    async def _require_base(self, base: str) -> None:
        if not await self.is_there(base):
            raise TerminalRemoteError(
                f"{self.host} does not hold the configured base.",
                code="base_missing",
                hint="Check base and groups_base, and that the account may read there.",
            )

    async def _require_count(self, question: Question, count: int) -> None:
        bare = replace(question, attributes=(NO_ATTRIBUTES,), names_only=True)
        size = self._size(bare)
        if size == self._size(question):
            size = size - 1 or 2
        again = 0
        async with aclosing(self._walk(bare, size)) as walk:
            async for found in walk:
                again += len(found.records)
        if again != count:
            raise TransientRemoteError(
                f"The list of {self.host} changed or broke off while it was read.",
                code="listing_unfinished",
                hint="Sync again.",
            )

    @asynccontextmanager
    async def _link(self, *, patient: bool = True) -> AsyncIterator[Link]:
        """Lend a connection; it is kept for the next one only if everything went well."""
        link = await self._lendable(patient=patient)
        self._busy.add(link)
        async with AsyncExitStack() as unless_well:
            unless_well.push_async_callback(link.close)
            unless_well.callback(self._busy.discard, link)
            yield link
            unless_well.pop_all()
        self._busy.discard(link)
        self._idle.append(link)

    async def _lendable(self, *, patient: bool) -> Link:
        while self._idle:
            link = self._idle.pop()
            if link.fresh:
                return link
            await link.close()
        return await self._connected(Link, patient=patient)

    async def _connected(self, kind: type[LinkT], *, patient: bool) -> LinkT:
        link: LinkT | None = None
        async for attempt in stamina.retry_context(
            on=retry_rule(self.limits, self._clock),
            attempts=self.limits.attempts if patient else 1,
            timeout=self.limits.retry_total,
            wait_initial=self.limits.retry_wait,
            wait_max=self.limits.retry_wait_max,
            wait_jitter=self.limits.retry_wait,
        ):
            with attempt:
                link = await self._connect(kind)
        assert link is not None  # noqa: S101 - stamina leaves the loop by a link or an error
        return link

    async def _connect(self, kind: type[LinkT]) -> LinkT:
        await refuse_forbidden(self.server, self._policy)
        bind = await asyncio.to_thread(
            self._credentials.bind, self.server, self.limits.connect + self.limits.read
        )
        try:
            return await kind.open(bind, host=self.host, max_body=self.limits.max_body)
        except RemoteError as error:
            if error.code not in {"connection_lost", "timeout"}:
                raise
            found = await diagnosis(
                self.server, ca_file=self._credentials.ca_file, within=self.limits.connect
            )
            raise found or error from error


def is_emptied(url: str, emptied: frozenset[str]) -> bool:
    """Say whether a referral leads to a part of the directory that never holds people.

    These are Active Directory's configuration and its DNS zones (MS-ADTS §3.1.1.1.5).
    """
    _, _, rest = url.partition("://")
    dn = normal_dn(unquote(rest.partition("/")[2].partition("?")[0]))
    return dn in emptied or dn.startswith(("dc=domaindnszones,", "dc=forestdnszones,"))
