"""A delta cycle: only what changed since the watermark is read.

A delta never proves that somebody is gone. Whatever it cannot say for certain is a doubt, and then
everything is read, in the same cycle: nobody's departure, no held removal and no conflict waits for
the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import msgspec

from core.engine.apply import Order, carry_out
from core.engine.changed_groups import changed_alone
from core.engine.context import CycleContext, CycleOutcome, Meter
from core.engine.group_plans import known_groups, plan_groups
from core.engine.groups import Planned
from core.engine.guard import Ruling
from core.engine.mapping import Mapper
from core.engine.plan import Policy
from core.engine.reading import PeopleReader, pages_of
from core.engine.references import set_managers
from core.engine.scoping import Scoping, digest_key, digester, members_of, resolve_groups
from core.engine.snapshot import delta_scoping
from core.engine.survey import Survey, decided, policy_of, postponed, weigh
from core.errors import PermissionMissingError, RemoteError, SignInError, WatermarkExpiredError
from core.model.cycle import (
    Action,
    CycleError,
    CycleResult,
    Decision,
    StagedGroup,
    StagedUser,
    Step,
    Trigger,
)
from core.model.directory import ChangePage, ExternalId, ResourceKind, Watermark
from core.model.reading import LastReading, NextReading, SavedWatermark
from core.model.wording import several

FULL_EVERY = timedelta(hours=24)
"""Everything is read at least so often: only that shows who is gone."""
MOST_CHANGES = 20_000
"""With more, reading everything is as quick."""
_ANY_TIME = frozenset({Trigger.MANUAL, Trigger.SCHEDULED, Trigger.RESUMED})


class Doubt(Exception):  # noqa: N818 - not an error: the reason to read everything
    """Why a delta is not enough; the text is for people and stands in the history."""


def basis(ctx: CycleContext) -> str:
    """Name what a reading depends on: scope, mapping, provider and its decoder."""
    whole = hashlib.blake2b(digest_size=16)
    whole.update(digest_key(ctx.configuration, ctx.provider.decoder_revision))
    whole.update(msgspec.json.encode(ctx.configuration.spec.provider, order="deterministic"))
    return whole.hexdigest()


def beginning(ctx: CycleContext, last: LastReading) -> SavedWatermark | None:
    """Return where a delta begins, or None if this cycle reads everything as a matter of course.

    Raises `Doubt` if it would have been a delta but for something that is worth telling.
    """
    if not ctx.provider.capabilities.delta or ctx.full or ctx.dry_run or ctx.bound_plan is not None:
        return None
    saved = last.saved
    if saved is None or ctx.trigger not in _ANY_TIME:
        return None
    if abs(ctx.clock.now() - saved.full_at) >= FULL_EVERY:
        return None
    if saved.basis != basis(ctx):
        raise Doubt("The scope, the mapping or the provider was changed.")
    if last.conflicts:
        raise Doubt("There are conflicts, which only a whole listing can judge.")
    return saved


@dataclass(kw_only=True, slots=True)
class _Changes:
    """What the provider says has changed."""

    people: list[bytes] = field(default_factory=list)
    gone: set[ExternalId] = field(default_factory=set)
    groups: list[bytes] = field(default_factory=list)
    gone_groups: set[ExternalId] = field(default_factory=set)
    pages: int = 0
    watermark: Watermark | None = None
    total: int | None = None


async def run_delta(
    ctx: CycleContext, meter: Meter, saved: SavedWatermark, *, problems: bool
) -> CycleOutcome:
    """Read, decide and carry out what changed; raises `Doubt` before anything is applied.

    With `problems`, the last cycle left some, and those of people who did not change are told.
    """
    await meter.begin(Step.READ)
    changes = await _read(ctx, meter, saved.mark)
    if await ctx.store.linked(ctx.fence, sorted(changes.gone)):
        raise Doubt(
            "Somebody was deleted or moved away at the provider: that takes the proof of a whole "
            "listing."
        )
    scoping, groups, pages = await _scoping(ctx, meter, changes, saved.nested)
    rows = _rows(ctx, meter, scoping, changes)
    if groups is not None and pages:
        await _refuse_moved(ctx, groups, rows)
    for start in range(0, len(rows), ctx.batch):
        end = start + ctx.batch
        await ctx.store.stage(ctx.fence, rows[start:end], last=end >= len(rows))
    await meter.begin(Step.COMPARE)
    policy = policy_of(ctx)
    decisions = [some async for some in decided(ctx, policy, absentees=False)]
    _refuse_missing(saved, changes, decisions)
    removes = any(one.action.removes for some in decisions for one in some)
    needed = removes or groups is not None
    rejected = await _rejected(ctx) if needed else frozenset[ExternalId]()
    found = _survey(ctx, decisions, rejected)
    planned = await _plan_groups(ctx, groups, rejected)
    found.note_groups(planned)
    ruling = await weigh(ctx, policy, found, frozenset(), proven=True)
    if ruling.holds or ruling.postponed:
        raise Doubt("Removals or creations are to be held: that takes the whole picture.")
    order = Order(
        policy=policy, ruling=ruling, absentees=False, groups=planned, decisions=found.kept
    )
    await meter.begin(Step.APPLY, total=found.people)
    await carry_out(ctx, meter, order)
    await set_managers(ctx)
    carried = await ctx.store.carry_problems(ctx.fence, saved.cycle_id) if problems else 0
    outcome = _outcome(policy, found, ruling, carried, requests=changes.pages + pages)
    if changes.watermark is None:
        return outcome
    mark, cycle_id = changes.watermark, ctx.fence.cycle_id
    kept = replace(saved, mark=mark, cycle_id=cycle_id, people=changes.total)
    return replace(outcome, next_reading=NextReading(saved=kept))


async def _read(ctx: CycleContext, meter: Meter, since: Watermark) -> _Changes:
    changes, tokens, ended = _Changes(), set[str](), False
    try:
        async with pages_of(ctx.provider.read_changes(since)) as pages:
            async for page in pages:
                if page.token in tokens:
                    raise Doubt("The same page of changes came twice.")
                tokens.add(page.token)
                _take(changes, page)
                ended = page.last
                if len(changes.people) > MOST_CHANGES:
                    raise Doubt(f"More than {MOST_CHANGES:,} people changed.")
                await meter.advance(1, pages=1, read=_people_on(page))
    except (SignInError, PermissionMissingError):
        raise
    except WatermarkExpiredError as error:
        if error.code != WatermarkExpiredError.default_code:
            raise Doubt(error.message) from error
        raise Doubt(f"The provider does not list changes that far back. {error.message}") from error
    except RemoteError as error:
        raise Doubt(f"The changes could not be listed: {error.message}") from error
    if not ended or changes.watermark is None:
        raise Doubt("The list of changes had no end.")
    return changes


def _people_on(page: ChangePage) -> int:
    return len(page.records) if page.kind is ResourceKind.USER else 0


def _take(changes: _Changes, page: ChangePage) -> None:
    changes.pages += 1
    changes.watermark, changes.total = page.watermark, page.total
    if page.kind is ResourceKind.USER:
        changes.people += page.records
        changes.gone.update(page.removed)
    else:
        changes.groups += page.records
        changes.gone_groups.update(page.removed)


async def _scoping(
    ctx: CycleContext, meter: Meter, changes: _Changes, nested: frozenset[ExternalId]
) -> tuple[Scoping, Sequence[StagedGroup] | None, int]:
    """Return the scope's test, the groups that are to be planned, and the pages asked for."""
    alone: Sequence[StagedGroup] | None = None
    known = await known_groups(ctx) if changes.groups or changes.gone_groups else []
    lost = any(group.external_id in changes.gone_groups for group in known)
    if changes.groups and not lost:
        alone = changed_alone(ctx, changes.groups, known, nested)
    read = lost or (bool(changes.groups) and alone is None)
    scoping, groups, proven, pages = await delta_scoping(ctx, meter, read=read)
    if not proven:
        raise Doubt("A group changed, and the groups could not be read in full.")
    return scoping, groups if read else alone, pages


def _rows(ctx: CycleContext, meter: Meter, scoping: Scoping, changes: _Changes) -> list[StagedUser]:
    """Decode the changed people; of several records of one person the last counts."""
    revision = ctx.provider.decoder_revision
    digest = digester(digest_key(ctx.configuration, revision, scoping.units))
    reader = PeopleReader(
        ctx, meter, mapper=Mapper.of(ctx.configuration), scoping=scoping, digest=digest
    )
    found: dict[ExternalId, StagedUser] = {}
    for raw in changes.people:
        row = reader.row(raw, digest(raw))
        if row is None:
            raise Doubt("A changed record is unreadable, and nobody knows whose it is.")
        found[row.external_id] = row
    return list(found.values())


def _refuse_missing(
    saved: SavedWatermark, changes: _Changes, decisions: Sequence[Sequence[Decision]]
) -> None:
    """Raise `Doubt` if the provider has not as many people as there were, and the new ones."""
    if changes.total is None or saved.people is None:
        return
    pairs = [decision.pair for some in decisions for decision in some]
    expected = saved.people + sum(not pair.was_there for pair in pairs)
    if changes.total != expected:
        raise Doubt(
            f"The provider has {changes.total:,} people where {expected:,} were expected, so "
            "somebody may be gone."
        )


async def _refuse_moved(
    ctx: CycleContext, groups: Sequence[StagedGroup], rows: Sequence[StagedUser]
) -> None:
    """Raise `Doubt` if a group took somebody into scope or out of it whose record did not come."""
    scope = ctx.configuration.spec.scope
    if not scope.groups:
        return
    by_id = {group.external_id: group for group in groups}
    members = members_of(resolve_groups(scope, by_id, listing_proven=True))
    moved = members ^ await ctx.store.scoped_ids(ctx.fence)
    if moved - {row.external_id for row in rows}:
        raise Doubt("A group of the scope has other members now.")


async def _rejected(ctx: CycleContext) -> frozenset[ExternalId]:
    items = await ctx.store.rejected_items(ctx.fence)
    return frozenset(name for kind, name in items if kind == ResourceKind.USER)


def _survey(
    ctx: CycleContext, decisions: Sequence[Sequence[Decision]], rejected: frozenset[ExternalId]
) -> Survey:
    found = Survey()
    for some in decisions:
        for decision in some:
            if decision.action is Action.CONFLICT:
                raise Doubt("There is a conflict, which only a whole listing can judge.")
            if not (decision.action.removes and decision.pair.external_id in rejected):
                found.note(decision, frozenset())
        found.keep(some, ctx.batch)
    return found


async def _plan_groups(
    ctx: CycleContext, groups: Sequence[StagedGroup] | None, rejected: frozenset[ExternalId]
) -> list[Planned]:
    """Plan new, renamed and refilled groups; that one is gone is for a whole listing to say."""
    if groups is None:
        return []
    return await plan_groups(ctx, groups, await known_groups(ctx), rejected)


def _outcome(
    policy: Policy, found: Survey, ruling: Ruling, open_problems: int, *, requests: int
) -> CycleOutcome:
    error = None
    problems = found.problems + open_problems
    if problems:
        error = CycleError(
            code="people_with_problems",
            message=f"{several(problems, 'person has', 'people have')} a problem.",
            hint="Each is listed with what to do.",
        )
    return CycleOutcome(
        result=CycleResult.SUCCESS if error is None else CycleResult.PARTIAL_SUCCESS,
        error=error,
        requests=requests,
        postponed=postponed(policy, found, ruling),
    )
