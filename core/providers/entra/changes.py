"""What changed since a watermark, by the delta queries of users and of groups.

A watermark holds both delta links, which Graph keeps valid for seven days. A delta query tells
which people and groups changed; "updated instances are represented by their id with at least the
properties that have been updated", and managers are left out of them. So the records themselves are
read again, fifteen ids a question (the limit of ``in``) and twenty questions a batch. What the
delta says is put on top, because the two answers may come from different replicas.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from core.errors import RemoteError, WatermarkExpiredError
from core.model.directory import ChangePage, ExternalId, ResourceKind, Watermark
from core.providers.entra.attributes import AttributePlan
from core.providers.entra.batches import Batches
from core.providers.entra.graph import Graph, several
from core.providers.entra.listing import not_graph
from core.providers.entra.members import SELECTION, MemberReader
from core.providers.entra.paging import walk
from core.providers.entra.rights import GROUPS, PEOPLE
from core.providers.salvage import top_level_id

AT_MOST_IN: Final = 15
MOST_CHANGES: Final = 50_000
_A_PAGE: Final = 300
_TRACKED: Final = "displayName,members"
_NEWCOMER: Final = {"userPrincipalName", "accountEnabled"}
_NOT_KNOWN: Final = frozenset({400, 404, 410})
_NO_DELTA: Final = frozenset({400, 404, 501})


class _Mark(msgspec.Struct, omit_defaults=True):
    tracked: str
    users: str
    groups: str | None = None


class _Changed(msgspec.Struct):
    id: str
    removed: dict[str, Any] | None = msgspec.field(default=None, name="@removed")


@dataclass(kw_only=True, slots=True)
class _Delta:
    """One delta query's result.

    Attributes:
        changed: id -> its record in the delta, or None if it was there several times.
        removed: ids that were said to be removed; somebody can be in both.
        link: where the next one begins.
    """

    changed: dict[str, bytes | None] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    link: str = ""


class ChangeReader:
    """Reads deltas of one tenant."""

    def __init__(
        self, graph: Graph, *, plan: AttributePlan, members: MemberReader, groups: bool
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._members = members
        self._batches = Batches(graph)
        self._groups = groups

    async def watermark(self, *, patient: bool = True) -> Watermark | None:
        """Return where a delta begins that starts now; None if the tenant has no delta queries."""
        try:
            users = await self._latest("users", self._plan.tracked, PEOPLE, patient=patient)
            groups = None
            if self._groups:
                groups = await self._latest("groups", _TRACKED, GROUPS, patient=patient)
        except RemoteError as error:
            if error.status in _NO_DELTA:
                return None
            raise
        return self._mark(users, groups)

    async def _latest(self, what: str, tracked: str, right: str, *, patient: bool) -> str:
        """Return the delta link of "sync from now", which comes without any objects."""
        params = {"$deltatoken": "latest", "$select": tracked}
        page = await self._graph.page(f"{what}/delta", params, right=right, patient=patient)
        if page.delta_link is None:
            raise not_graph(self._graph.client.host, "there is no latest delta link")
        return page.delta_link

    def _mark(self, users: str, groups: str | None) -> Watermark:
        mark = _Mark(tracked=self._plan.tracked, users=users, groups=groups)
        return Watermark(msgspec.json.encode(mark).decode())

    async def read(self, since: Watermark) -> AsyncGenerator[ChangePage, None]:
        """Yield what changed since then, people first; see `IdentityProvider.read_changes`."""
        mark = self._known(since)
        people = await self._since(mark.users, right=PEOPLE)
        groups = _Delta()
        if mark.groups is not None:
            groups = await self._since(mark.groups, right=GROUPS)
        async for page in self._pages(ResourceKind.USER, people):
            yield page
        async for page in self._pages(ResourceKind.GROUP, groups):
            yield page
        after = self._mark(people.link, groups.link or None)
        kind = ResourceKind.GROUP if mark.groups is not None else ResourceKind.USER
        yield ChangePage(kind=kind, records=(), last=True, token="end", watermark=after)  # noqa: S106 - of a page

    def _known(self, since: Watermark) -> _Mark:
        try:
            mark = msgspec.json.decode(since, type=_Mark)
        except (ValueError, RecursionError) as error:
            raise _expired("The watermark cannot be read.") from error
        if mark.tracked != self._plan.tracked or (mark.groups is not None) != self._groups:
            raise _expired("The watermark follows other attributes than the mapping wants.")
        return mark

    async def _since(self, link: str, *, right: str) -> _Delta:
        try:
            return await self._delta(link, right=right)
        except RemoteError as error:
            if error.status in _NOT_KNOWN:
                raise _expired(f"{error.message} The delta link has expired.") from error
            raise

    async def _delta(self, link: str, *, right: str) -> _Delta:
        """Return a whole delta; it must come to its delta link."""
        delta = _Delta()
        async with aclosing(walk(self._graph, link, right=right)) as pages:
            async for listing, _ in pages:
                for raw in listing.records:
                    self._take(raw, delta)
                delta.link = listing.delta_link or ""
        if not delta.link:
            raise not_graph(self._graph.client.host, "a delta query came to no delta link")
        return delta

    def _take(self, raw: bytes, delta: _Delta) -> None:
        try:
            change = msgspec.json.decode(raw, type=_Changed)
        except (ValueError, RecursionError) as error:
            raise _expired(
                "A change cannot be read, so that it is not known whose it is."
            ) from error
        if change.removed is not None:
            delta.removed.add(change.id)
        else:
            delta.changed[change.id] = None if change.id in delta.changed else raw
        if len(delta.changed) + len(delta.removed) > MOST_CHANGES:
            raise _expired(f"More than {MOST_CHANGES:,} changes are more than a full read costs.")

    async def _pages(self, kind: ResourceKind, delta: _Delta) -> AsyncGenerator[ChangePage, None]:
        ids = list(delta.changed)
        gone = [ExternalId(one) for one in sorted(delta.removed - delta.changed.keys())]
        if gone:
            yield ChangePage(kind=kind, records=(), removed=gone, last=False, token=f"{kind}-gone")
        for start in range(0, len(ids), _A_PAGE):
            chunk = ids[start : start + _A_PAGE]
            found = await self._read_again(kind, chunk)
            gone = [ExternalId(i) for i in chunk if i not in found and i in delta.removed]
            whole = (self._whole(kind, found.get(one), delta, one) for one in chunk)
            records = [record for record in whole if record is not None]
            if kind is ResourceKind.GROUP:
                records = list(await self._members.settle(records))
            token = f"{kind}-{start}"
            yield ChangePage(kind=kind, records=records, removed=gone, last=False, token=token)

    async def _read_again(self, kind: ResourceKind, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the records of these ids by id, in a batch of at most twenty questions."""
        users = kind is ResourceKind.USER
        what, right = ("users", PEOPLE) if users else ("groups", GROUPS)
        chosen = selected(self._plan) if users else {"$select": SELECTION}
        cuts = (ids[start : start + AT_MOST_IN] for start in range(0, len(ids), AT_MOST_IN))
        asked = [
            {"$filter": f"id in ({','.join(quoted(one) for one in cut)})", **chosen} for cut in cuts
        ]
        urls = [f"{what}?{urlencode(params, quote_via=quote)}" for params in asked]
        batch = await self._batches.pages(urls, right=right)
        missing = [params for url, params in zip(urls, asked, strict=True) if url not in batch]
        single = await several(
            partial(self._graph.page, what, params, right=right) for params in missing
        )
        listings = [*batch.values(), *single]
        return {top_level_id(raw): raw for one in listings for raw in one.records}

    def _whole(
        self, kind: ResourceKind, read: bytes | None, delta: _Delta, one: str
    ) -> bytes | None:
        """Return the whole record with what the delta says on top, or None if there is none."""
        change = None if one in delta.removed else delta.changed[one]
        if change is None:
            return read
        if read is None:
            return change if is_whole(change, kind) else None
        if kind is ResourceKind.GROUP:
            return overlaid(read, change, frozenset({"displayName"}))
        return overlaid(read, change, self._plan.properties)


def selected(plan: AttributePlan) -> dict[str, str]:
    """Return the parameters with which people are listed."""
    expand = {"$expand": plan.expansion} if plan.expansion else {}
    return {"$select": plan.selection, **expand}


def quoted(text: str) -> str:
    """Return a text as an OData string literal (a quote in it is doubled)."""
    return "'" + text.replace("'", "''") + "'"


def overlaid(read: bytes, change: bytes, properties: frozenset[str]) -> bytes:
    """Return the record that was read, with those values of the delta that differ put on top."""
    whole, newer = _object(read), _object(change)
    differing = {
        name: value
        for name, value in newer.items()
        if name in whole and name in properties and whole[name] != value
    }
    return msgspec.json.encode(whole | differing) if differing else read


def is_whole(change: bytes, kind: ResourceKind) -> bool:
    """Whether a delta's record says what every new object's does."""
    needed = {"displayName"} if kind is ResourceKind.GROUP else _NEWCOMER
    return needed <= _object(change).keys()


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, RecursionError):
        return {}


def _expired(message: str) -> WatermarkExpiredError:
    return WatermarkExpiredError(message, hint="The next full read begins anew.")
