"""Reading: from pages of raw records to a staged snapshot and the evidence of its completeness.

The only thing that grows with the directory is the set of known digests. What is not known is
staged in transactions of thousands; one is under way while the next pages are fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from core.engine.changed_groups import nested_among
from core.engine.context import CycleContext, Meter
from core.engine.groups import flatten
from core.engine.mapping import Mapper, problems_text, with_problem
from core.engine.proof import Listing
from core.engine.scoping import Scoping
from core.errors import PermissionMissingError, RecordError, RemoteError, SignInError
from core.model.cycle import Problem, ScopeAnswer, Severity, StagedGroup, StagedUser
from core.model.directory import Digest, ExternalId, Page, ProviderGroup

P = TypeVar("P")


@asynccontextmanager
async def pages_of(source: AsyncIterator[P]) -> AsyncIterator[AsyncIterator[P]]:
    """Hold a listing open; its generator is closed whatever happens."""
    try:
        yield source
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()


class GroupListing:
    """The groups of a snapshot.

    Attributes:
        groups: by id, with all their people.
        listing: what was seen while reading.
        unreadable: groups whose record could not be read; they are left as they are.
        nested: groups that hold groups, and those that are held.
    """

    def __init__(self) -> None:
        self.listing = Listing()
        self.groups: dict[ExternalId, StagedGroup] = {}
        self.unreadable: set[ExternalId] = set()
        self.nested: frozenset[ExternalId] = frozenset()


async def read_groups(ctx: CycleContext, meter: Meter) -> GroupListing:
    """Read all groups. A fault is noted as evidence; lost credentials or rights are raised."""
    result, found = await list_groups(ctx, meter, ctx.provider.read_groups())
    result.groups = flatten(found.values())
    result.nested = nested_among(found.values())
    return result


async def list_groups(
    ctx: CycleContext, meter: Meter, source: AsyncIterator[Page]
) -> tuple[GroupListing, Mapping[ExternalId, ProviderGroup]]:
    """Read a listing of groups, and leave to the caller what to make of them."""
    result = GroupListing()
    found: dict[ExternalId, ProviderGroup] = {}
    try:
        async with pages_of(source) as pages:
            async for page in pages:
                before = len(found)
                _take_groups(ctx, page, found, result)
                result.listing.note_page(token=page.token, last=page.last, total=page.total)
                result.listing.note_records(
                    new=len(found) - before, empty_end=page.last and not page.records
                )
                await meter.advance(0, pages=1)
    except (SignInError, PermissionMissingError):
        raise
    except RemoteError as error:
        result.listing.fault = error
    return result, found


def _take_groups(
    ctx: CycleContext, page: Page, found: dict[ExternalId, ProviderGroup], result: GroupListing
) -> None:
    for raw in page.records:
        try:
            group = ctx.provider.decode_group(raw)
        except RecordError:
            owner = ctx.provider.identify(raw)
            if owner is None:
                result.listing.unidentified += 1
            else:
                result.unreadable.add(owner)
            continue
        if group.external_id in found:
            result.listing.repeats += 1
        found[group.external_id] = group


class PeopleReader:
    """Reads all people once.

    `known` holds the digests of settled people and shrinks as they are met; `recheck` are those
    of settled people whose membership of the scope changed, who are looked at again.
    """

    def __init__(
        self,
        ctx: CycleContext,
        meter: Meter,
        *,
        mapper: Mapper,
        scoping: Scoping,
        digest: Callable[[bytes], Digest],
    ) -> None:
        self._ctx = ctx
        self._meter = meter
        self._mapper = mapper
        self._scoping = scoping
        self._digest = digest
        self._job: asyncio.Task[None] | None = None
        self._rows: list[StagedUser] = []
        self.known: set[bytes] = set()
        self.recheck: set[bytes] = set()
        self.listing = Listing()

    async def load_known(self) -> None:
        """Load the digests of the settled people."""
        store, fence, size = self._ctx.store, self._ctx.fence, self._ctx.batch
        async for chunk in store.known(fence):
            self.known.update(chunk)
        if not self.known:
            return
        moved = sorted(self._scoping.members ^ await store.scoped_ids(fence))
        for start in range(0, len(moved), size):
            self.recheck |= await store.known_of(fence, moved[start : start + size])
        self.known -= self.recheck

    async def read(self) -> Listing:
        """Read every page; raises if nothing at all could be read."""
        try:
            await self._read_pages()
            await self._begin_job()
            await self._finish_job()
        except (SignInError, PermissionMissingError):
            raise
        except RemoteError as error:
            await self._begin_job()
            await self._finish_job()
            if self.listing.pages == 0:
                raise
            self.listing.fault = error
        finally:
            await self._drop_job()
        await self._stage_unmet()
        again = await self._ctx.store.drop_repeats(self._ctx.fence)
        self.listing.distinct -= again.staged
        self.listing.repeats = again.staged + again.settled
        return self.listing

    async def _read_pages(self) -> None:
        async with pages_of(self._ctx.provider.read_users()) as pages:
            async for page in pages:
                await self._take(page)

    async def _take(self, page: Page) -> None:
        met, before = 0, len(self._rows)
        for start in range(0, len(page.records), self._ctx.slice_size):
            met += self._sort(page.records[start : start + self._ctx.slice_size], self._rows)
            await asyncio.sleep(0)
        self.listing.note_page(token=page.token, last=page.last, total=page.total)
        self.listing.note_records(
            new=met + len(self._rows) - before, empty_end=page.last and not page.records
        )
        if 2 * len(self._rows) >= self._ctx.batch:
            await self._begin_job()
        await self._meter.advance(1, pages=1, read=len(page.records), total=self._pages_in_all())

    def _pages_in_all(self) -> int | None:
        announced = self.listing.announced
        size = self._ctx.provider.capabilities.page_size
        return None if announced is None else max(1, -(-announced // size))

    def _sort(self, records: Sequence[bytes], rows: list[StagedUser]) -> int:
        """Count the settled people met; append the others to `rows`."""
        digests = list(map(self._digest, records))
        whole = self.known.intersection(digests)
        if len(whole) == len(digests):
            self.known -= whole
            return len(whole)
        met = 0
        for raw, digest in zip(records, digests, strict=True):
            if digest in self.known:
                self.known.discard(digest)
                met += 1
                continue
            row = self.row(raw, digest)
            if row is None:
                self.listing.unidentified += 1
            else:
                rows.append(row)
        return met

    async def _begin_job(self) -> None:
        """Hand what was gathered to the store, once it is done with what it has."""
        await self._finish_job()
        rows, self._rows = self._rows, []
        if rows:
            self._job = asyncio.create_task(self._ctx.store.stage(self._ctx.fence, rows))

    async def _finish_job(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            await job

    async def _drop_job(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    async def _stage_unmet(self) -> None:
        unmet = [*self.known, *self.recheck]
        self.known, self.recheck = set(), set()
        for start in range(0, len(unmet), self._ctx.batch):
            await self._ctx.store.stage_unmet(
                self._ctx.fence, unmet[start : start + self._ctx.batch]
            )

    def row(self, raw: bytes, digest: Digest) -> StagedUser | None:
        """Return a record decoded, scoped and mapped; None if it is unreadable and nobody's."""
        try:
            user = self._ctx.provider.decode_user(raw)
        except RecordError as error:
            owner = self._ctx.provider.identify(raw)
            return None if owner is None else self._unreadable(owner, digest, error)
        mapped = self._mapper.map(user)
        try:
            answer = self._scoping.answer(user, mapped.match_key)
        except RecordError as error:
            answer, mapped = ScopeAnswer.IN, with_problem(mapped, _filter_failed(error))
        return StagedUser(
            user.external_id,
            digest,
            mapped.digest,
            mapped.match_key,
            mapped.user_name,
            mapped.display_name,
            mapped.email,
            user.active,
            True,
            answer,
            self._scoping.holds(user.external_id),
            mapped.profile,
            mapped.problems,
        )

    def _unreadable(self, owner: ExternalId, digest: Digest, error: RecordError) -> StagedUser:
        problem = Problem(
            severity=Severity.ERROR,
            code=error.code,
            message=error.message,
            attribute=error.attribute,
            value_kind=error.value_kind,
            hint=error.hint,
        )
        return StagedUser(
            external_id=owner,
            digest=digest,
            mapped_digest=b"",
            match_key="",
            user_name="",
            display_name="",
            email="",
            active=True,
            readable=False,
            scope=ScopeAnswer.IN,
            group_scoped=self._scoping.holds(owner),
            profile="{}",
            problems=problems_text([problem]),
        )


def _filter_failed(error: RecordError) -> Problem:
    """Say that it is not known whether somebody is in scope: an error, so that nothing is done."""
    if error.attribute == "scope.org_units":
        return Problem(
            severity=Severity.ERROR,
            code="org_unit_unknown",
            message=error.message,
            attribute=error.attribute,
            hint=error.hint,
        )
    return Problem(
        severity=Severity.ERROR,
        code="filter_failed",
        message=f"The scope's filter: {error.message}",
        attribute="scope.filter",
        hint=error.hint,
    )
