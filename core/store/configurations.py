"""Configurations and their revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from core.errors import ConflictError, NotFoundError
from core.model.account import Actor
from core.model.configuration import (
    AccountId,
    Configuration,
    ConfigurationId,
    ConfigurationSpec,
    Disabled,
    LicensePolicy,
    Schedule,
    Scope,
)
from core.model.directory import ExternalId
from core.model.events import AuditEntry
from core.model.freeze import Freeze, Frozen, frozen_until
from core.store.audit_changes import audit_change
from core.store.codec import (
    decode_spec,
    from_json,
    maybe_time,
    short_id,
    to_json,
    to_seconds,
    to_time,
)
from core.store.database import Database, Row, Transaction
from core.store.licenses import change_policy, change_total
from core.store.protecting import protect_named

_SELECT = "SELECT * FROM configurations WHERE account_id = :account AND deleted_at IS NULL"
_INSERT = """
INSERT INTO configurations (account_id, id, name, name_key, document, created_at, created_by)
VALUES (:account, :id, :name, :name_key, :document, :now, :by)
"""
_UPDATE = """
UPDATE configurations SET name = :name, name_key = :name_key, document = :document,
    revision = :revision, scope_revision = :scope_revision, previous_scope = :previous_scope
WHERE id = :id AND account_id = :account
"""
_REVISION = """
INSERT INTO configuration_revisions (account_id, configuration_id, revision, at, by)
VALUES (:account, :id, :revision, :now, :by)
"""
"""What it was is in the audit, which names nobody."""
_FORGET = """
UPDATE links SET digest = NULL WHERE configuration_id = :id AND digest IS NOT NULL
"""
_SCOPE_ANEW = """
UPDATE links SET digest = NULL, in_scope = FALSE
WHERE configuration_id = :id AND (digest IS NOT NULL OR in_scope)
"""
_LET_GO = "UPDATE links SET kept = FALSE, digest = NULL WHERE configuration_id = :id AND kept"
"""Whom an earlier edit kept is judged by the present scope again."""
_IN_FORCE = """
SELECT count(*) FROM cycles c
JOIN configuration_revisions r ON r.configuration_id = c.configuration_id
WHERE c.configuration_id = :configuration AND r.revision = :revision AND c.started_at > r.at
  AND NOT c.dry_run AND c.trigger <> 'on_demand'
  AND c.result IN ('success', 'partial_success')
"""
_UNBIND = """
UPDATE cycles SET cancel_requested_by = coalesce(cancel_requested_by, :by)
WHERE configuration_id = :id AND state = 'running' AND bound_plan IS NOT NULL
"""
_FROM_NOW = """
INSERT INTO slots (account_id, configuration_id, slot, skipped, offered_at)
VALUES (:account, :id, :now, TRUE, :now)
ON CONFLICT DO NOTHING
"""
"""No slot before this moment is caught up with."""
_SEND_ANEW = """
UPDATE invitations SET next_at = :due
WHERE state = 'pending' AND attempts = 0 AND sent_at IS NULL AND next_at > :now
  AND user_id IN (SELECT id FROM users WHERE configuration_id = :id)
"""
"""Invitations that wait for the end of a freeze follow it when it is edited."""
_CHATS_ANEW = """
UPDATE invitation_chats SET next_at = :due
WHERE state = 'pending' AND attempts = 0 AND next_at > :now AND invitation_id IN (
    SELECT i.id FROM invitations i JOIN users u ON u.id = i.user_id WHERE u.configuration_id = :id)
"""
_OWNS = "SELECT 1 FROM users WHERE configuration_id = :configuration LIMIT 1"
_GO_ON = """
UPDATE configurations SET stopped_reason = NULL WHERE id = :id AND account_id = :account
"""
"""Its failures are forgotten by the first success, which the channel is told of."""


_ONE_BY_ONE = timedelta(microseconds=1)


class Configurations:
    """The stored configurations of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Configuration]:
        """Return every configuration, by name."""

        async def work(tx: Transaction) -> list[Configuration]:
            return [to_configuration(r) for r in await tx.rows(f"{_SELECT} ORDER BY name_key")]

        return await self._database.read(work)

    async def get(self, id: ConfigurationId) -> Configuration:  # noqa: A002 - the port's name
        """Return one configuration; raises `NotFoundError`."""

        async def work(tx: Transaction) -> Configuration:
            return await load_configuration(tx, id)

        return await self._database.read(work)

    async def by_name(self, name: str) -> Configuration | None:
        """Return the configuration of this name regardless of case, or None."""

        async def work(tx: Transaction) -> Configuration | None:
            return await _named(tx, name)

        return await self._database.read(work)

    async def apply(
        self,
        specs: Sequence[ConfigurationSpec],
        *,
        licenses_total: int | None,
        licenses_policy: LicensePolicy | None = None,
        by: Actor,
        now: datetime,
    ) -> list[tuple[str, str]]:
        """Create and update configurations by name; others stay as they are.

        Returns (name, "created", "updated" or "unchanged") in the order given, which is the order
        of creation too. A changed
        provider, scope or mapping makes everybody be looked at again. A cycle that applies a plan
        which somebody saw before the change ends as cancelled. Nothing is written, and nothing
        audited, if nothing changes.
        """

        async def work(tx: Transaction) -> list[tuple[str, str]]:
            outcome = [
                (spec.name, await _apply_one(tx, spec, by=by, now=now + place * _ONE_BY_ONE))
                for place, spec in enumerate(specs)
            ]
            entry = _entry("licenses.set", "licenses", by=by, now=now)
            if licenses_total is not None:
                await change_total(tx, licenses_total, audit=entry)
            if licenses_policy:
                await change_policy(tx, licenses_policy, audit=entry)
            return outcome

        try:
            return await self._database.write(work)
        except sa.exc.IntegrityError:  # somebody else created one of them at the same moment
            return await self._database.write(work)

    async def set_schedule(
        self,
        id: ConfigurationId,  # noqa: A002 - the port's name
        schedule: Schedule | None,
        *,
        freeze: tuple[Freeze, ...] | None = None,
        revision: int,
        by: Actor,
        now: datetime,
    ) -> Configuration | None:
        """Change the schedule and, if given, the freezes; None if it is no longer at this revision.

        Slots before the change are not caught up with, and invitations that a freeze keeps are
        sent when it is over by then. Raises `NotFoundError`.
        """

        async def work(tx: Transaction) -> Configuration | None:
            stored = await load_configuration(tx, id, to_change=True)
            if stored.revision != revision:
                return None
            frozen = stored.spec.freeze if freeze is None else freeze
            spec = replace(stored.spec, schedule=schedule, freeze=frozen)
            await _update(tx, stored, spec, by=by, now=now)
            return await load_configuration(tx, id)

        return await self._database.write(work)

    async def save(
        self,
        spec: ConfigurationSpec,
        *,
        configuration: ConfigurationId | None,
        revision: int,
        remove: bool,
        signed_in: bool,
        by: Actor,
        now: datetime,
    ) -> Configuration:
        """Create a configuration, or change one of this revision; a name may change, too.

        With `remove`, people who are out of scope by this edit count as having left; with
        `signed_in`, a schedule that was stopped goes on. Raises
        `ConflictError` (``configuration_changed``, ``name_taken``).
        """

        async def work(tx: Transaction) -> Configuration:
            named = await _named(tx, spec.name, to_change=True)
            if named is not None and named.id != configuration:
                raise _taken(named.name)
            if configuration is None:
                await _create(tx, spec, by=by, now=now)
            else:
                stored = await load_configuration(tx, configuration, to_change=True)
                if stored.revision != revision:
                    raise _changed(stored.name)
                if remove or to_json(stored.spec) != to_json(spec):
                    await _update(tx, stored, spec, by=by, now=now, remove=remove)
                if signed_in and stored.stopped_reason is not None:
                    await tx.run(_GO_ON, id=stored.id)
                    await tx.run(_FROM_NOW, id=stored.id, now=to_seconds(now))
            saved = await _named(tx, spec.name)
            assert saved is not None  # noqa: S101 - written just now
            return saved

        try:
            return await self._database.write(work)
        except sa.exc.IntegrityError:  # somebody else created it at the same moment
            raise _taken(spec.name) from None


async def load_configuration(
    tx: Transaction,
    configuration: ConfigurationId,
    *,
    to_change: bool = False,
    steady: bool = False,
) -> Configuration:
    """Return one configuration; raises `NotFoundError`.

    It is locked `to_change`, or stays as it is until the transaction ends if `steady`.
    """
    lock = _lock(tx, to_change)
    if steady and tx.backend == "postgresql":
        lock = "FOR SHARE"
    row = await tx.first(f"{_SELECT} AND id = :id {lock}", id=configuration)
    if row is None:
        raise NotFoundError("There is no such configuration.", code="configuration_not_found")
    return to_configuration(row)


async def from_now(tx: Transaction, configuration: ConfigurationId, *, now: datetime) -> None:
    """Let the schedule begin now: no earlier slot is caught up with."""
    await tx.run(_FROM_NOW, id=configuration, now=to_seconds(now))


def to_configuration(row: Row) -> Configuration:
    """Build a configuration from its row."""
    return Configuration(
        id=ConfigurationId(row.id),
        account_id=AccountId(row.account_id),
        spec=decode_spec(row.document),
        enabled=bool(row.enabled),
        revision=row.revision,
        scope_revision=row.scope_revision,
        previous_scope=from_json(row.previous_scope, Scope) if row.previous_scope else None,
        created_at=to_time(row.created_at),
        created_by=row.created_by,
        stopped_reason=row.stopped_reason,
        failures=row.failures,
        failing_since=maybe_time(row.failing_since),
        failed_at=maybe_time(row.failed_at),
        last_success_at=maybe_time(row.last_success_at),
        picked_canaries=tuple(
            ExternalId(name) for name in msgspec.json.decode(row.picked_canaries, type=list[str])
        ),
        disabled=None
        if row.disabled_at is None
        else Disabled(
            at=to_time(row.disabled_at), by=row.disabled_by, reason=row.disabled_reason or ""
        ),
    )


async def _named(tx: Transaction, name: str, *, to_change: bool = False) -> Configuration | None:
    sql = f"{_SELECT} AND name_key = :key {_lock(tx, to_change)}"
    row = await tx.first(sql, key=name.casefold())
    return to_configuration(row) if row is not None else None


def _lock(tx: Transaction, to_change: bool) -> str:  # noqa: FBT001 - passed on
    return "FOR UPDATE" if to_change and tx.backend == "postgresql" else ""


async def _apply_one(tx: Transaction, spec: ConfigurationSpec, *, by: Actor, now: datetime) -> str:
    stored = await _named(tx, spec.name, to_change=True)
    if stored is None:
        await _create(tx, spec, by=by, now=now)
        return "created"
    if to_json(stored.spec) == to_json(spec):
        return "unchanged"
    await _update(tx, stored, spec, by=by, now=now)
    return "updated"


async def _create(tx: Transaction, spec: ConfigurationSpec, *, by: Actor, now: datetime) -> None:
    identifier = short_id("f")
    document = to_json(spec)
    await tx.run(
        _INSERT,
        id=identifier,
        name=spec.name,
        name_key=spec.name.casefold(),
        document=document,
        now=to_seconds(now),
        by=by.id,
    )
    await _note_revision(tx, identifier, 1, by=by, now=now)
    await audit_change(tx, None, spec, revision=1, by=by, now=now)


async def _update(
    tx: Transaction,
    stored: Configuration,
    spec: ConfigurationSpec,
    *,
    by: Actor,
    now: datetime,
    remove: bool = False,
) -> None:
    before = stored.spec
    revision = stored.revision + 1
    scope_changed = before.scope != spec.scope
    previous = stored.previous_scope
    if scope_changed and await _was_in_force(tx, stored):
        previous = before.scope
    if remove:
        previous = None
        await tx.run(_LET_GO, id=stored.id)
    await tx.run(
        _UPDATE,
        id=stored.id,
        name=spec.name,
        name_key=spec.name.casefold(),
        document=to_json(spec),
        revision=revision,
        scope_revision=revision if scope_changed else stored.scope_revision,
        previous_scope=to_json(previous) if previous else None,
    )
    await _note_revision(tx, stored.id, revision, by=by, now=now)
    if scope_changed:
        await tx.run(_SCOPE_ANEW, id=stored.id)
    elif (before.provider, to_json(before.mapping)) != (spec.provider, to_json(spec.mapping)):
        await tx.run(_FORGET, id=stored.id)
    await tx.run(_UNBIND, id=stored.id, by=by.id)
    if before.guard.protected != spec.guard.protected:
        await protect_named(tx, stored.id, edited=True)
    if before.freeze != spec.freeze:
        due = frozen_until(spec.freeze, Frozen.INVITATIONS, now) or now
        for statement in (_SEND_ANEW, _CHATS_ANEW):
            await tx.run(statement, id=stored.id, now=to_seconds(now), due=to_seconds(due))
    if before.schedule != spec.schedule:
        await from_now(tx, stored.id, now=now)
    await audit_change(tx, before, spec, revision=revision, by=by, now=now)


async def _was_in_force(tx: Transaction, stored: Configuration) -> bool:
    """Whether people were provisioned by the present scope.

    A cycle ended under it; or it is the first one, and a cycle that was cancelled, failed or is
    still under way has brought somebody in.
    """
    if await tx.value(_IN_FORCE, configuration=stored.id, revision=stored.scope_revision):
        return True
    first = stored.previous_scope is None
    return first and await tx.value(_OWNS, configuration=stored.id) is not None


async def _note_revision(
    tx: Transaction, identifier: str, revision: int, *, by: Actor, now: datetime
) -> None:
    at = to_seconds(now)
    await tx.run(_REVISION, id=identifier, revision=revision, now=at, by=by.id)


def _taken(name: str) -> ConflictError:
    return ConflictError(
        f"There is a configuration called {name} already; case does not count.",
        code="name_taken",
        hint="Choose another name.",
    )


def _changed(name: str) -> ConflictError:
    return ConflictError(
        f"{name} was changed by somebody else meanwhile, so nothing was saved.",
        code="configuration_changed",
        hint="Open it again: the form then shows how it stands now.",
    )


def _entry(action: str, subject: str, *, by: Actor, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now, actor=by.id, door=by.door, action=action, subject=subject, allowed=True, detail={}
    )
