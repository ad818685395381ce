"""What changed since a watermark: in Active Directory by its own list, elsewhere by time.

Active Directory's DirSync control tells who was deleted, too (`ad_changes`). Where that is not to
be had its other documented way is taken, uSNChanged ("Polling for Changes Using USNChanged"). A
watermark has both beginnings, and belongs to one domain controller and one life of its database:
each one counts its updates by itself. Other servers are asked by modifyTimestamp, some minutes
back, because clocks differ and replicas lag. Numbers and times do not tell who was deleted or does
not match the filter any more: that is for a full cycle to see.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from core.errors import TerminalRemoteError, WatermarkExpiredError
from core.model.directory import ChangePage, ResourceKind, Watermark
from core.ports import Clock
from core.providers.ldap.ad_changes import ToldChanges
from core.providers.ldap.ad_sweep import Told
from core.providers.ldap.dialect import Values, texts
from core.providers.ldap.directory import ANYTHING, Directory, Question
from core.providers.ldap.groups import Groups
from core.providers.ldap.people import People
from core.providers.ldap.units import Units

OVERLAP: Final = timedelta(minutes=10)
"""How far a clock may be behind, and a replica late, without a change being missed."""

_AHEAD: Final = timedelta(minutes=1)
_TIME: Final = "%Y%m%d%H%M%SZ"
_NUMBERS: Final = ("uSNChanged", "uSNCreated")
_TIMES: Final = ("modifyTimestamp", "createTimestamp")


class _Mark(msgspec.Struct, frozen=True):
    """A watermark, as JSON.

    Attributes:
        server: the domain controller and the life of its database; empty where time counts.
        number: the last update number that was seen.
        time: the time from which on modifications count.
        cookie: Active Directory's own, in base64; empty where it could not be had.
        basis: what the cookie is good for.
    """

    server: str = ""
    number: int = 0
    time: str = ""
    cookie: str = ""
    basis: str = ""


class Changes:
    """Lists what changed; not for a configuration that reads the members of one group.

    Who joins or leaves a group does not change, so such a configuration has no deltas. `units` are
    watched where it matters in which one somebody is: who is below a renamed one does not change.
    """

    def __init__(
        self,
        directory: Directory,
        people: People,
        groups: Groups,
        *,
        units: Units | None,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._people = people
        self._groups = groups
        self._units = units
        self._told = ToldChanges(directory, people, groups)
        self._clock = clock

    async def watermark(self, attributes: Sequence[str]) -> Watermark:
        """Return where a delta of these attributes begins that starts now."""
        mark = await self._mark()
        told = await self._told.beginning() if mark.server else None
        if told is not None:
            mark = _with_cookie(mark, told, basis=await self._told.basis(attributes))
        return _written(mark)

    async def pages(
        self, since: Watermark, attributes: Sequence[str], *, groups: bool
    ) -> AsyncGenerator[ChangePage, None]:
        """Yield what changed; the last page has the next watermark.

        Raises `WatermarkExpiredError` if the watermark is not this server's, or if a unit changed
        that is watched (code ``org_unit_changed``).
        """
        mark, following = _read(since), await self._mark()
        changed, created = _conditions(mark, following, now=self._clock.now())
        if mark.cookie and mark.basis != await self._told.basis(attributes):
            raise _expired("follows other attributes, or another base")
        told = None
        if mark.cookie:
            told = await self._told.since(mark.cookie, attributes)
        if told is not None:
            async with aclosing(self._told.pages(told, attributes, groups=groups)) as listing:
                async for page in listing:
                    yield page
            following = _with_cookie(following, told, basis=mark.basis)
            yield _end((), number=0, following=following)
            return
        if self._units is not None and await self._units.changed(changed, created):
            raise _moved()
        number = 0
        question = await self._people.question(changed, attributes)
        async with aclosing(self._directory.pages(question)) as pages:
            async for found in pages:
                records = [bytes(raw) for raw in found.records]
                kind = ResourceKind.USER
                yield ChangePage(kind=kind, records=records, last=False, token=str(number))
                number += 1
        refilled = [raw async for raw in self._groups.changed(changed)] if groups else []
        yield _end(refilled, number=number, following=following)

    async def _mark(self) -> _Mark:
        dialect = await self._directory.dialect()
        if not dialect.active_directory:
            return _Mark(time=(self._clock.now() - OVERLAP).astimezone(UTC).strftime(_TIME))
        root = await self._directory.root()
        name = _first(root, "dsservicename")
        number = _first(root, "highestcommittedusn")
        if not name or not number.isdigit():
            raise TerminalRemoteError(
                f"{self._directory.host} does not say how far its updates go.",
                code="no_update_number",
                hint="Sync in full, or ask another domain controller.",
            )
        return _Mark(server=f"{name} {await self._life(name)}", number=int(number))

    async def _life(self, name: str) -> str:
        """Return what changes when a controller is restored from a backup (MS-ADTS §3.1.1.1.9)."""
        question = Question(base=name, filter=ANYTHING, attributes=("invocationId",), subtree=False)
        found = await self._directory.few(question)
        held = found[0].values.get("invocationid", []) if found else []
        return msgspec.json.encode(held[0]).decode() if held else ""


def _end(groups: Sequence[bytes], *, number: int, following: _Mark) -> ChangePage:
    """Return the last page, with the groups that are told on it."""
    kind, mark = ResourceKind.GROUP, _written(following)
    return ChangePage(kind=kind, records=groups, last=True, token=str(number), watermark=mark)


def _with_cookie(mark: _Mark, told: Told, *, basis: str) -> _Mark:
    return msgspec.structs.replace(mark, cookie=told.cookie, basis=basis)


def _written(mark: _Mark) -> Watermark:
    return Watermark(msgspec.json.encode(mark).decode())


def _first(values: Values, name: str) -> str:
    return next(iter(texts(values.get(name, ()))), "")


def _read(since: Watermark) -> _Mark:
    try:
        return msgspec.json.decode(since, type=_Mark)
    except msgspec.MsgspecError as error:
        raise _expired("cannot be read") from error


def _conditions(since: _Mark, now_at: _Mark, *, now: datetime) -> list[str]:
    """Return the filters for what changed and for what was created since then."""
    if now_at.server:
        if since.server != now_at.server:
            raise _expired("is another domain controller's, or that of its earlier life")
        if since.number > now_at.number:
            raise _expired("lies ahead of the directory")
        return [f"({name}>={since.number + 1})" for name in _NUMBERS]
    try:
        moment = datetime.strptime(since.time, _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise _expired("cannot be read") from error
    if moment > now + _AHEAD:
        raise _expired("lies in the future")
    return [f"({name}>={moment.strftime(_TIME)})" for name in _TIMES]


def _moved() -> WatermarkExpiredError:
    return WatermarkExpiredError(
        "An organizational unit was renamed, moved or changed, so all of its people were read.",
        code="org_unit_changed",
    )


def _expired(why: str) -> WatermarkExpiredError:
    return WatermarkExpiredError(
        f"Where the changes should begin {why}.", hint="A full read tells what changed."
    )
