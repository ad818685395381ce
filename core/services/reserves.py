"""Licenses that are kept back for groups: looked at, kept, released."""

from __future__ import annotations

from dataclasses import replace

from core.errors import NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.desk import ReserveChange
from core.model.reserves import MOST_RESERVES, Reserve
from core.model.wording import several
from core.services.ground import Ground
from core.store.reserves import NamedGroup

MOST_NAMED = 5


class ReserveService:
    """Keeps licenses back for groups, for admins."""

    def __init__(self, ground: Ground) -> None:
        self._store = ground.store
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._wake = ground.wake

    async def look(self, actor: Actor, group: str, count: int) -> ReserveChange:
        """Return what keeping `count` of all licenses for a group would change; 0 releases them.

        The group is named as it is in the account, or as ``configuration/name`` where several
        configurations have one of that name. Raises `NotFoundError` for a group that is not
        there, `UsageError` for more than there are licenses or a ninth group.
        """
        await self._access.require(actor, Role.ADMIN, "licenses.keep", group)
        if count < 0:
            raise UsageError("Say how many licenses to keep: from 0.")
        meant = await self._meant(group, releasing=not count)
        wanted = Reserve(
            configuration_id=meant.configuration_id,
            external_id=meant.external_id,
            group=meant.name,
            group_id=meant.group_id,
            kept=count,
        )
        change = await self._store.reserves.look(wanted)
        _require_sense(change)
        return replace(change, label=meant.label, members=meant.members)

    async def keep(
        self, actor: Actor, group: str, count: int, *, seen: tuple[int, int]
    ) -> ReserveChange:
        """Keep `count` of all licenses for a group, or release them with 0.

        `seen` is the total and what was kept for the group when that was looked at. Raises as
        `look` does, and `ConflictError` (code ``licenses_changed``) if either has changed since.
        """
        change = await self.look(actor, group, count)
        wanted = change.wanted
        if count == change.kept_before:
            return change
        entry = self._audit.entry(
            actor, "licenses.keep" if count else "licenses.release", f"group:{wanted.external_id}"
        )
        done = await self._store.reserves.keep(wanted, seen=seen, audit=entry)
        told = (
            f"keeps {several(count, 'license')} back for the group {wanted.group}"
            if count
            else f"released the {several(done.kept_before, 'license')} of the group {wanted.group}"
        )
        await self._notices.record(actor, "licenses_kept", told)
        self._wake()
        return replace(done, label=change.label, members=change.members)

    async def _meant(self, group: str, *, releasing: bool) -> NamedGroup:
        asked = group.strip().casefold()
        found = [each for each in await self._store.reserves.groups() if asked in each.names]
        if releasing and not found:
            gone = [each for each in await self._store.reserves.gone() if asked in each.names]
            found = gone[:1]
        if not found:
            raise NotFoundError(
                f"No group of the account is called {group.strip()}.",
                code="group_not_found",
                hint="Groups have the names that the directory gives them.",
            )
        if len(found) > 1:
            labels = ", ".join(each.label for each in found[:MOST_NAMED])
            raise UsageError(f"{len(found):,} groups are called so.", hint=f"Say which: {labels}.")
        return found[0]


def _require_sense(change: ReserveChange) -> None:
    """Refuse what cannot be kept. Raises `UsageError`."""
    wanted = change.wanted
    others = [each for each in change.before.reserves if each.key != wanted.key]
    room = change.before.total - sum(each.kept for each in others)
    if wanted.kept > max(room, change.kept_before):
        raise UsageError(
            f"There are {several(change.before.total, 'license')}, of which {room:,} could be kept "
            f"for {wanted.group}.",
            hint="Keep fewer, or set a higher total.",
        )
    if wanted.kept and len(others) >= MOST_RESERVES:
        raise UsageError(
            f"Licenses are kept for {MOST_RESERVES} groups already, which is the most.",
            hint="Release those of another group first.",
        )
    if not wanted.kept and not change.kept_before:
        raise UsageError(f"No license is kept back for {wanted.group}.")
