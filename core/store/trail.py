"""What is stored of one person: changes, problems, held removals, invitations, licenses, audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.model.account import UserId
from core.model.configuration import ConfigurationId
from core.model.cycle import CycleId
from core.model.directory import ExternalId
from core.model.trail import Sighting, TrailEvent, TrailKind
from core.store.codec import maybe_time, to_object, to_seconds, to_time
from core.store.database import Database, Row, Transaction

_LINKED = """
SELECT l.configuration_id, f.name, l.external_id, l.label, l.absent_since, l.kept, l.group_scoped
FROM links l JOIN configurations f ON f.id = l.configuration_id
WHERE l.account_id = :account AND {which}
ORDER BY f.name_key, l.seq LIMIT 20
"""
_OF_USER = _LINKED.format(which="l.user_id = :user")
_OF_LABEL = _LINKED.format(which="lower(l.label) = :label")
_FORMER = """
SELECT m.from_id AS configuration_id, f.name, m.external_id, max(m.at) AS until
FROM moves m JOIN configurations f ON f.id = m.from_id
WHERE m.account_id = :account AND m.user_id = :user AND m.external_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM links l WHERE l.user_id = m.user_id
      AND l.configuration_id = m.from_id AND l.external_id = m.external_id)
GROUP BY m.from_id, f.name, m.external_id ORDER BY f.name
"""
_MOVES = """
SELECT m.at, m.by, m.by_name, m.reason, f.name AS owner, t.name AS claimant FROM moves m
JOIN configurations f ON f.id = m.from_id JOIN configurations t ON t.id = m.to_id
WHERE m.account_id = :account AND m.user_id = :user ORDER BY m.at, m.id
"""
_ONLY_TOLD = """
SELECT DISTINCT p.configuration_id, f.name, p.external_id, p.label FROM problems p
JOIN configurations f ON f.id = p.configuration_id
WHERE p.account_id = :account AND lower(p.label) = :label
ORDER BY f.name, p.external_id LIMIT 20
"""
_FIRST = """
SELECT min(at) FROM (
    SELECT min(at) AS at FROM changes WHERE configuration_id = :configuration
        AND external_id = :person AND kind = 'user'
    UNION ALL
    SELECT min(y.requested_at) FROM cycles y JOIN problems p ON p.cycle_id = y.id
        AND p.external_id = :person WHERE y.configuration_id = :configuration) AS firsts
"""
_LAST = """
SELECT y.id, y.started_at FROM cycles y
WHERE y.account_id = :account AND y.configuration_id = :configuration AND NOT y.dry_run
  AND y.state = 'finished' AND y.result IN ('success', 'partial_success')
  AND y.proof LIKE '%"failed":[]%'
  AND y.started_at < CAST(:before AS double precision)
  AND y.requested_at < coalesce((SELECT min(r.at) FROM rejections r
      WHERE r.configuration_id = y.configuration_id AND r.external_id = :person),
      y.requested_at + 1)
  AND NOT EXISTS (SELECT 1 FROM held_items i WHERE i.held_set_id = y.held_set_id
      AND i.external_id = :person AND i.kind = 'user')
ORDER BY y.requested_at DESC LIMIT 1
"""
"""Somebody whose removal was held or rejected may have been missing without a note at the link."""
_CHANGES = """
SELECT c.at, c.action, c.reason, c.result, c.before, c.after, c.cycle_id, y.trigger,
    y.requested_by, y.requested_by_name, h.decided_by
FROM changes c JOIN cycles y ON y.id = c.cycle_id
LEFT JOIN held_sets h ON h.id = y.held_set_id AND y.trigger = 'release'
WHERE c.account_id = :account AND c.external_id = :person AND c.kind = 'user'
  AND c.configuration_id = :configuration
ORDER BY c.at, c.id
"""
_PROBLEMS = """
SELECT p.severity, p.code, p.message, p.attribute, p.hint, p.cycle_id, g.times,
    g.first_at, g.last_at
FROM (SELECT max(p.id) AS id, count(DISTINCT p.cycle_id) AS times,
        min(y.requested_at) AS first_at, max(y.requested_at) AS last_at
    FROM cycles y JOIN problems p ON p.cycle_id = y.id AND p.external_id = :person
    WHERE y.account_id = :account AND y.configuration_id = :configuration AND NOT y.dry_run
    GROUP BY p.severity, p.code, p.attribute) AS g
JOIN problems p ON p.id = g.id
ORDER BY g.first_at, p.id
"""
_HELD = """
SELECT h.id, h.cycle_id, h.state, h.reason AS why, h.created_at, h.decided_by, h.decided_at,
    h.decided_reason, i.action, i.reason
FROM held_sets h JOIN held_items i ON i.held_set_id = h.id
    AND i.external_id = :person AND i.kind = 'user'
WHERE h.account_id = :account AND h.configuration_id = :configuration
ORDER BY h.created_at
"""
_INVITATIONS = """
SELECT cycle_id, way, purpose, state, created_at, sent_at, error FROM invitations
WHERE account_id = :account AND user_id = :user ORDER BY created_at, id
"""
_ACTED = """
SELECT a.at, a.actor, a.door, a.action, a.reason FROM audit a
WHERE a.account_id = :account AND a.allowed AND (
    (a.action = 'invitation.accept' AND a.subject = :name)
    OR (a.action <> 'invitation.accept' AND a.detail LIKE '%"people":[%' AND {among}))
ORDER BY a.at, a.seq
"""
_AMONG = {
    "sqlite": ("EXISTS (SELECT 1 FROM json_each(a.detail, '$.people') AS e WHERE e.value = :user)"),
    "postgresql": ("CAST(a.detail AS jsonb) -> 'people' @> to_jsonb(CAST(:user AS bigint))"),
}
_HELD_WORDS = {
    "released": "the removal was approved",
    "rejected": "the removal was rejected: the person stays",
    "expired": "nobody decided about the removal in 24 hours",
    "superseded": "a later cycle replaced the held removal",
}


class Trails:
    """Reads one person's story."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_user(self, user: UserId) -> list[Sighting]:
        """Return what each configuration saw of a person of the account."""

        async def work(tx: Transaction) -> list[Sighting]:
            found = await _sightings(tx, _OF_USER, user=user)
            return found + [await _former(tx, row) for row in await tx.rows(_FORMER, user=user)]

        return await self._database.read(work)

    async def of_label(self, label: str) -> list[Sighting]:
        """Return what was seen under an address or name, regardless of case.

        Somebody who was never provisioned is known by a link at most, or by problems alone.
        """

        async def work(tx: Transaction) -> list[Sighting]:
            wanted = label.strip().lower()
            found = await _sightings(tx, _OF_LABEL, label=wanted)
            return found or await _only_told(tx, wanted)

        return await self._database.read(work)

    async def events(self, seen: Sighting) -> list[TrailEvent]:
        """Return what a configuration's cycles did to the person, oldest first by kind."""

        async def work(tx: Transaction) -> list[TrailEvent]:
            values = {"configuration": seen.configuration_id, "person": seen.external_id}
            name = seen.configuration
            found = [_change(row, name) for row in await tx.rows(_CHANGES, **values)]
            found += [_problem(row, name) for row in await tx.rows(_PROBLEMS, **values)]
            for row in await tx.rows(_HELD, **values):
                found += _held(row, name)
            return [each for each in found if seen.until is None or each.at <= seen.until]

        return await self._database.read(work)

    async def account_events(self, user: UserId) -> list[TrailEvent]:
        """Return a person's invitations, licenses, and what people decided about them."""

        async def work(tx: Transaction) -> list[TrailEvent]:
            found: list[TrailEvent] = []
            for row in await tx.rows(_INVITATIONS, user=user):
                found += _invitation(row)
            acted = _ACTED.format(among=_AMONG[tx.backend])
            rows = await tx.rows(acted, user=user, name=str(user))
            found += [_moved(row) for row in await tx.rows(_MOVES, user=user)]
            return found + [_acted(row) for row in rows if row.action != "conflicts.move"]

        return await self._database.read(work)


async def _sightings(tx: Transaction, sql: str, **values: object) -> list[Sighting]:
    return [await _sighting(tx, row) for row in await tx.rows(sql, **values)]


async def _only_told(tx: Transaction, label: str) -> list[Sighting]:
    return [
        Sighting(
            configuration_id=ConfigurationId(row.configuration_id),
            configuration=row.name,
            external_id=ExternalId(row.external_id),
            label=row.label,
            first_seen=await _first(tx, row),
        )
        for row in await tx.rows(_ONLY_TOLD, label=label)
    ]


async def _sighting(tx: Transaction, row: Row) -> Sighting:
    last = await tx.first(
        _LAST,
        configuration=row.configuration_id,
        person=row.external_id,
        before=row.absent_since or to_seconds(tx.clock.now()) + 1,
    )
    return Sighting(
        configuration_id=ConfigurationId(row.configuration_id),
        configuration=row.name,
        external_id=ExternalId(row.external_id),
        label=row.label,
        first_seen=await _first(tx, row),
        last_seen=None if last is None else to_time(last.started_at),
        last_cycle=None if last is None else CycleId(last.id),
        absent_since=maybe_time(row.absent_since),
        kept=bool(row.kept),
        group_scoped=bool(row.group_scoped),
    )


async def _first(tx: Transaction, row: Row) -> datetime | None:
    values = {"configuration": row.configuration_id, "person": row.external_id}
    return maybe_time(await tx.value(_FIRST, **values))


async def _former(tx: Transaction, row: Row) -> Sighting:
    return Sighting(
        configuration_id=ConfigurationId(row.configuration_id),
        configuration=row.name,
        external_id=ExternalId(row.external_id),
        label="",
        first_seen=await _first(tx, row),
        until=to_time(row.until),
    )


def _moved(row: Row) -> TrailEvent:
    reason = f": {row.reason}" if row.reason else ""
    return TrailEvent(
        at=to_time(row.at),
        kind=TrailKind.DECISION,
        what="moved",
        text=f"given from {row.owner} to {row.claimant}{reason}",
        by=row.by,
        by_name=row.by_name,
    )


def _change(row: Row, configuration: str) -> TrailEvent:
    approved = row.decided_by or ""
    told = row.result == "warning"
    return TrailEvent(
        at=to_time(row.at),
        kind=TrailKind.CHANGE,
        what=row.action,
        text=f"{row.reason}, with warnings" if told else row.reason,
        by=approved or row.requested_by,
        by_name="" if approved else row.requested_by_name,
        cycle_id=CycleId(row.cycle_id),
        configuration=configuration,
        before=to_object(row.before),
        after=to_object(row.after),
    )


def _problem(row: Row, configuration: str) -> TrailEvent:
    return TrailEvent(
        at=to_time(row.first_at),
        kind=TrailKind.PROBLEM,
        what=row.code,
        text=f"{row.severity}: {row.message} {row.hint}".rstrip(),
        cycle_id=CycleId(row.cycle_id),
        configuration=configuration,
        until=to_time(row.last_at),
        times=int(row.times),
    )


def _held(row: Row, configuration: str) -> Sequence[TrailEvent]:
    cycle = CycleId(row.cycle_id)
    begun = TrailEvent(
        at=to_time(row.created_at),
        kind=TrailKind.HELD,
        what="held",
        text=f"{row.action} held back ({row.reason}): {row.why}",
        cycle_id=cycle,
        configuration=configuration,
    )
    if row.decided_at is None:
        return [begun]
    decided = TrailEvent(
        at=to_time(row.decided_at),
        kind=TrailKind.HELD,
        what=row.state,
        text=_HELD_WORDS.get(row.state, row.state)
        + (f" (“{row.decided_reason}”)" if row.decided_reason else ""),
        by=row.decided_by or "",
        cycle_id=cycle,
        configuration=configuration,
    )
    return [begun, decided]


def _invitation(row: Row) -> Sequence[TrailEvent]:
    welcome = row.purpose == "welcome"
    kind = TrailKind.LICENSE if welcome else TrailKind.INVITATION
    cycle = CycleId(row.cycle_id) if row.cycle_id else None
    name = "told that a license became free" if welcome else f"invitation by {row.way}"
    failed = f", {row.error}" if row.error else ""
    found = [
        TrailEvent(
            at=to_time(row.created_at),
            kind=kind,
            what=row.purpose,
            text=f"{name}, now {row.state}{failed}",
            cycle_id=cycle,
        )
    ]
    if row.sent_at is not None:
        found.append(
            TrailEvent(at=to_time(row.sent_at), kind=kind, what="sent", text="message sent")
        )
    return found


_ACTS = {
    "invitation.accept": "accepted the invitation",
    "activate": "given a license",
    "licenses.free": "the license was taken back",
    "licenses.ask": "asked whether the license is still needed",
    "licenses.still_needed": "said that the license is still needed",
    "licenses.give_back": "gave the license back",
    "invite": "invited by hand",
    "conflicts.keep": "stays with the owner",
    "conflicts.priority": "a conflict decided by priority",
    "invitation.readdress": "the invitation was sent to the new address",
}


def _acted(row: Row) -> TrailEvent:
    license_act = row.action in {"invitation.accept", "activate", "licenses.free"}
    reason = f": {row.reason}" if row.reason else ""
    return TrailEvent(
        at=to_time(row.at),
        kind=TrailKind.LICENSE if license_act else TrailKind.DECISION,
        what=row.action,
        text=_ACTS.get(row.action, row.action) + reason,
        by="" if row.door == "link" else row.actor,
    )
