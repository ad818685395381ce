"""A delta of Active Directory by its DirSync control: what was told, made pages of changes.

The control tells only what changed of somebody, so those people are read again, some hundred at a
time, under the configured base and with its filter. Whom that does not find any more was moved out,
does not match, or is of no interest; that one may be gone is for a whole listing to prove.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from itertools import count
from typing import Final

from core.errors import RemoteError, SignInError, WatermarkExpiredError
from core.model.directory import ChangePage, ExternalId, ResourceKind
from core.providers.ldap.ad_sweep import Refused, Sweeper, Told
from core.providers.ldap.directory import Directory
from core.providers.ldap.groups import Groups
from core.providers.ldap.people import People
from core.providers.ldap.records import record_id

_AT_A_TIME: Final = 200


class ToldChanges:
    """Lists what the control told."""

    def __init__(self, directory: Directory, people: People, groups: Groups) -> None:
        self._directory = directory
        self._people = people
        self._groups = groups
        self._sweeper = Sweeper(directory)

    async def beginning(self) -> Told | None:
        """Return where a delta begins that starts now, or None if the control is of no use.

        No trouble with it is a reason to do without deltas.
        """
        try:
            return await self._sweeper.beginning()
        except (RemoteError, Refused):
            return None

    async def since(self, cookie: str, attributes: Sequence[str]) -> Told | None:
        """Return what was told since then, or None if the control is not answered any more.

        A sign-in that is refused is for the other connections to tell. Raises as listings do, and
        `WatermarkExpiredError` for a cookie that is not accepted.
        """
        watched = await self._sweeper.watched(attributes)
        try:
            return await self._sweeper.since(cookie, watched)
        except (SignInError, Refused):
            return None

    async def basis(self, attributes: Iterable[str]) -> str:
        """Name what a cookie is good for: what is watched, and where."""
        settings, dialect = self._directory.settings, await self._directory.dialect()
        watched = await self._sweeper.watched(attributes)
        whole = [settings.base, settings.groups_base or "", dialect.people_filter, *watched]
        return hashlib.sha256("\n".join(whole).encode()).hexdigest()[:16]

    async def pages(
        self, told: Told, attributes: Sequence[str], *, groups: bool
    ) -> AsyncGenerator[ChangePage, None]:
        """Yield the people, the groups, then who may be gone; none of them is the last page.

        Raises `WatermarkExpiredError` (code ``org_unit_changed``) when a container was renamed or
        moved: whom it holds is then told by nothing.
        """
        gone = {one.id for one in told.changed.values() if one.deleted}
        waiting = dict.fromkeys(id_ for id_ in told.changed if id_ not in gone)
        number = count(1)
        for ids in _cuts(list(waiting)):
            question = await self._people.question(_any_of(ids), attributes)
            async with aclosing(self._directory.pages(question)) as pages:
                async for found in pages:
                    records = [bytes(raw) for raw in found.records]
                    _drop(waiting, records)
                    yield _page(ResourceKind.USER, records, token=f"told-{next(number)}")
        for ids in _cuts(list(waiting)) if groups else ():
            records = [raw async for raw in self._groups.changed(_any_of(ids))]
            _drop(waiting, records)
            yield _page(ResourceKind.GROUP, records, token=f"told-{next(number)}")
        if any(told.changed[id_].moved for id_ in waiting):
            await self._refuse_moved_units(told.since)
        missing = [ExternalId(id_) for id_ in sorted(gone | waiting.keys())]
        yield _page(ResourceKind.USER, removed=missing, token="people-gone")  # noqa: S106 - of a page
        if groups:
            yield _page(ResourceKind.GROUP, removed=missing, token="groups-gone")  # noqa: S106 - likewise

    async def _refuse_moved_units(self, cookie: str) -> None:
        """Ask once more, for nothing but what can hold people."""
        told = await self._sweeper.containers(cookie)
        if any(one.moved for one in told.changed.values()):
            raise WatermarkExpiredError(
                "An organizational unit was renamed or moved, so all people were read.",
                code="org_unit_changed",
            )


def _page(
    kind: ResourceKind,
    records: Sequence[bytes] = (),
    *,
    removed: Sequence[ExternalId] = (),
    token: str,
) -> ChangePage:
    return ChangePage(kind=kind, records=records, removed=removed, last=False, token=token)


def _drop(waiting: dict[str, None], records: Iterable[bytes]) -> None:
    """Take out whoever was found."""
    for raw in records:
        waiting.pop(record_id(raw) or "", None)


def _cuts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _AT_A_TIME] for start in range(0, len(ids), _AT_A_TIME)]


def _any_of(ids: Iterable[str]) -> str:
    """Return the filter for these objectGUIDs."""
    escaped = ("".join(f"\\{byte:02x}" for byte in uuid.UUID(id_).bytes_le) for id_ in ids)
    return f"(|{''.join(f'(objectGUID={value})' for value in escaped)})"
