"""One cycle from beginning to end: read, prove, plan, guard, confirm, apply, finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.engine.apply import Order, carry_out, record
from core.engine.confirm import Confirmation, confirm
from core.engine.context import CycleContext, CycleOutcome, Meter
from core.engine.delta import Doubt, basis, beginning, run_delta
from core.engine.group_plans import known_groups, plan_groups
from core.engine.groups import KnownGroup, Planned, plan_deletions
from core.engine.guard import Ruling, items_digest, key_of
from core.engine.one_person import run_one_person
from core.engine.plan import Policy
from core.engine.proof import prove
from core.engine.references import set_managers
from core.engine.snapshot import Snapshot, read_snapshot
from core.engine.survey import (
    Survey,
    differs_by_freeze,
    held_creations,
    policy_of,
    postponed,
    same_plan,
    survey,
    weigh,
)
from core.engine.verdict import judge_end
from core.errors import (
    DirsyncError,
    FencedError,
    PermissionMissingError,
    RemoteError,
    SignInError,
    StoreUnavailableError,
)
from core.model.cycle import (
    CycleError,
    CycleResult,
    Fence,
    HeldSetId,
    Progress,
    Proof,
    Step,
)
from core.model.directory import ExternalId, ResourceKind, Watermark
from core.model.reading import NextReading, ReadKind, SavedWatermark
from core.ports import SyncStore

CANARIES = 5


async def run_cycle(ctx: CycleContext) -> CycleOutcome:
    """Run a claimed cycle and finish it.

    Whatever goes wrong with the directory or the configuration ends the cycle as a failure; a
    request to cancel ends it as cancelled. Raises `FencedError` if the cycle is no longer this
    worker's, and `StoreUnavailableError`: the cycle is then still open.
    """
    meter = Meter(ctx)
    try:
        outcome = await _run(ctx, meter)
        await _end(ctx, meter, outcome)
    except FencedError as error:
        if error.code != "cancel_requested":
            raise
        outcome = CycleOutcome(result=CycleResult.CANCELLED)
    except StoreUnavailableError:
        raise
    except DirsyncError as error:
        outcome = failure(error)
    else:
        return outcome
    await _end(ctx, meter, outcome)
    return outcome


def failure(error: DirsyncError) -> CycleOutcome:
    """Return the outcome of a cycle that an error ended."""
    return CycleOutcome(
        result=CycleResult.FAILURE,
        error=CycleError(code=error.code, message=error.message, hint=error.hint),
    )


async def _end(ctx: CycleContext, meter: Meter, outcome: CycleOutcome) -> None:
    """Store how a cycle ended; picks canaries once the first proven cycle is through."""
    canaries: Sequence[ExternalId] | None = None
    proven = outcome.proof is not None and outcome.proof.proven
    if proven and outcome.repick and not ctx.dry_run:
        canaries = await ctx.store.pick_canaries(ctx.fence, CANARIES)
    await store_outcome(
        ctx.store,
        ctx.fence,
        outcome,
        canaries=canaries,
        progress=meter.progress,
        now=ctx.clock.now(),
    )


async def store_outcome(
    store: SyncStore,
    fence: Fence,
    outcome: CycleOutcome,
    *,
    now: datetime,
    canaries: Sequence[ExternalId] | None = None,
    progress: Progress | None = None,
) -> None:
    """Store how a cycle ended and what that means; also for one that never came to reading."""
    await store.finish(
        fence,
        result=outcome.result,
        error=outcome.error,
        proof=outcome.proof,
        held_set_id=outcome.held_set_id,
        plan_digest=outcome.plan_digest,
        requests=outcome.requests,
        canaries=canaries,
        judge=judge_end,
        postponed=outcome.postponed,
        progress=progress,
        next_reading=outcome.next_reading,
        now=now,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """A plan and what may be done of it."""

    policy: Policy
    groups: Sequence[Planned]
    survey: Survey
    ruling: Ruling
    proof: Proof
    requests: int
    groups_proven: bool

    @property
    def digest(self) -> str:
        return self.survey.digest(self.ruling, proven=self.proof.proven)


async def _run(ctx: CycleContext, meter: Meter) -> CycleOutcome:
    if ctx.person is not None:
        return await run_one_person(ctx, meter, ctx.person)
    revision, why = ctx.provider.decoder_revision, ""
    last = await ctx.store.begin(ctx.fence, decoder_revision=revision)
    try:
        saved = beginning(ctx, last)
        if saved is not None:
            meter.note_reading(ReadKind.DELTA)
            return await run_delta(ctx, meter, saved, problems=last.problems)
    except Doubt as doubt:
        why = str(doubt)
        await ctx.store.begin(ctx.fence, decoder_revision=revision)
    if ctx.provider.capabilities.delta:
        meter.note_reading(ReadKind.FULL, why)
    return await _run_full(ctx, meter)


async def _run_full(ctx: CycleContext, meter: Meter) -> CycleOutcome:
    began, mark = ctx.clock.now(), await _mark(ctx)
    snapshot = await read_snapshot(ctx, meter)
    plan = await _plan(ctx, meter, snapshot)
    if ctx.bound_plan is not None and not same_plan(ctx.bound_plan, plan.digest):
        return _plan_changed(plan, ctx.bound_plan)
    order = Order(
        policy=plan.policy,
        ruling=plan.ruling,
        absentees=plan.proof.proven,
        groups=plan.groups,
        newcomers=plan.survey.newcomers,
        decisions=plan.survey.kept,
    )
    held: HeldSetId | None = None
    if ctx.dry_run:
        await meter.begin(Step.REPORT)
        await record(ctx, meter, order)
    else:
        held = await _hold(ctx, plan)
        await meter.begin(Step.APPLY, total=plan.survey.people)
        await carry_out(ctx, meter, order)
        await set_managers(ctx)
    outcome = _outcome(ctx, snapshot, plan, held)
    if not ctx.provider.capabilities.delta or ctx.dry_run:
        return outcome
    saved = _watermark(ctx, plan, outcome, mark, began, nested=snapshot.nested_groups)
    return replace(outcome, next_reading=NextReading(saved=saved))


async def _mark(ctx: CycleContext) -> Watermark | None:
    """Return where the next delta begins; a provider that cannot say just now gives none."""
    if not ctx.provider.capabilities.delta or ctx.dry_run:
        return None
    try:
        return await ctx.provider.watermark()
    except (SignInError, PermissionMissingError):
        raise
    except RemoteError:
        return None


def _watermark(
    ctx: CycleContext,
    plan: _Plan,
    outcome: CycleOutcome,
    mark: Watermark | None,
    began: datetime,
    *,
    nested: frozenset[ExternalId],
) -> SavedWatermark | None:
    """Return the watermark of a reading that left no doubt; after any other, all is read."""
    waits = outcome.postponed is not None or outcome.held_set_id is not None
    if mark is None or waits or not (plan.proof.proven and plan.groups_proven):
        return None
    return SavedWatermark(
        mark=mark,
        basis=basis(ctx),
        cycle_id=ctx.fence.cycle_id,
        full_at=began,
        people=plan.proof.read,
        nested=nested,
    )


async def _plan(ctx: CycleContext, meter: Meter, snapshot: Snapshot) -> _Plan:
    """Plan, guard, and ask for the absentees whom the guard lets through."""
    await meter.begin(Step.COMPARE)
    policy = policy_of(ctx)
    proof = prove(snapshot.evidence, ctx.proof_rules)
    released = await ctx.store.released_items(ctx.fence)
    rejected, rejected_groups = await _rejected(ctx, snapshot)
    found = await survey(
        ctx, meter, policy, absentees=proof.proven, released=released, rejected=rejected
    )
    known = await known_groups(ctx)
    groups = _plan_deletions(snapshot, known, rejected_groups, proven=proof.proven)
    found.note_groups(groups)
    ruling = await weigh(ctx, policy, found, released, proven=proof.proven)
    groups_asked = await _confirm_groups(ctx, meter, ruling)
    if not groups_asked.agrees:
        found.drop_groups()
        groups = [planned for planned in groups if not planned[0].action.removes]
        ruling = await weigh(ctx, policy, found, released, proven=proof.proven)
    asked = await _confirm(ctx, meter, found, ruling)
    if not asked.agrees:
        evidence = replace(
            snapshot.evidence, still_there=asked.still_there, unconfirmed=asked.unconfirmed
        )
        proof = prove(evidence, ctx.proof_rules)
        if not proof.proven:
            ruling = await weigh(ctx, policy, found, released, proven=False)
    staying = rejected | _waiting(ruling) if proof.proven else None
    members = await plan_groups(ctx, snapshot.groups, known, staying)
    found.note_groups(members)
    groups += members
    return _Plan(
        policy=policy,
        groups=groups,
        survey=found,
        ruling=ruling,
        proof=proof,
        requests=snapshot.requests + asked.asked + groups_asked.asked,
        groups_proven=snapshot.groups_proven and groups_asked.agrees,
    )


def _waiting(ruling: Ruling) -> frozenset[ExternalId]:
    """Return the people who are held or postponed, and so stay in their groups."""
    keys = {key_of(item) for item in ruling.held} | ruling.postponed
    return frozenset(name for kind, name, _ in keys if kind == ResourceKind.USER)


async def _rejected(
    ctx: CycleContext, snapshot: Snapshot
) -> tuple[frozenset[ExternalId], frozenset[ExternalId]]:
    """Return the people and the groups whose removal was rejected; groups that are back are not."""
    items = await ctx.store.rejected_items(ctx.fence)
    people = frozenset(name for kind, name in items if kind == ResourceKind.USER)
    groups = frozenset(name for kind, name in items if kind == ResourceKind.GROUP)
    back = groups & {group.external_id for group in snapshot.groups}
    if back and not ctx.dry_run:
        await ctx.store.groups_are_back(ctx.fence, sorted(back))
    return people, groups - back


def _plan_deletions(
    snapshot: Snapshot,
    known: Sequence[KnownGroup],
    rejected: frozenset[ExternalId],
    *,
    proven: bool,
) -> list[Planned]:
    """Plan the end of groups that a proven snapshot lacks."""
    if not (proven and snapshot.groups_read and snapshot.groups_proven and snapshot.groups):
        return []
    seen = {group.external_id for group in snapshot.groups} | snapshot.unreadable_groups
    return plan_deletions(seen | rejected, known)


async def _confirm(ctx: CycleContext, meter: Meter, found: Survey, ruling: Ruling) -> Confirmation:
    if not ctx.provider.capabilities.read_one:
        return Confirmation()
    through = {id_ for kind, id_, _ in ruling.removals if kind == ResourceKind.USER}
    return await confirm(meter, through & found.absent, read=ctx.provider.read_user)


async def _confirm_groups(ctx: CycleContext, meter: Meter, ruling: Ruling) -> Confirmation:
    """Ask for the groups that are to be deleted, as for people."""
    if not ctx.provider.capabilities.read_one:
        return Confirmation()
    through = {id_ for kind, id_, _ in ruling.removals if kind == ResourceKind.GROUP}
    return await confirm(meter, through, read=ctx.provider.read_group)


async def _hold(ctx: CycleContext, plan: _Plan) -> HeldSetId | None:
    """Store what the guard keeps back, or end what an earlier cycle held in vain."""
    ruling = plan.ruling
    if not ruling.holds:
        if plan.proof.proven and not ruling.postponed:
            await ctx.store.settle_held(ctx.fence)
        return None
    items = ruling.held
    if ruling.creations_held:
        items += await held_creations(ctx, plan.policy, ruling)
    return await ctx.store.hold(
        ctx.fence,
        items,
        limit=ruling.limit,
        provisioned=ruling.provisioned,
        reason=ruling.reason,
        digest=items_digest(items),
    )


def _plan_changed(plan: _Plan, seen: str) -> CycleOutcome:
    return CycleOutcome(
        result=CycleResult.CANCELLED,
        error=_why_changed(plan, seen),
        proof=plan.proof,
        plan_digest=plan.digest,
        requests=plan.requests,
    )


def _why_changed(plan: _Plan, seen: str) -> CycleError:
    """Say why the plan that a person saw is not the present one."""
    until = plan.policy.removals_until
    if not differs_by_freeze(seen, plan.digest):
        return CycleError(
            code="plan_changed",
            message="The directory changed since the preview, so nothing was applied.",
            hint="Look at a new preview and apply that.",
        )
    if until is not None:
        return CycleError(
            code="frozen_since_preview",
            message=f"Removals are frozen until {until:%Y-%m-%d %H:%M} UTC, and were not in the "
            "preview, so nothing was applied.",
            hint="A new preview leaves them for later; or apply one when the freeze is over.",
        )
    return CycleError(
        code="freeze_over_since_preview",
        message="The freeze that kept removals waiting in the preview is over, so nothing was "
        "applied.",
        hint="Look at a new preview, with the removals in it, and apply that.",
    )


def _outcome(
    ctx: CycleContext, snapshot: Snapshot, plan: _Plan, held: HeldSetId | None
) -> CycleOutcome:
    error = _shortfall(plan)
    return CycleOutcome(
        result=CycleResult.SUCCESS if error is None else CycleResult.PARTIAL_SUCCESS,
        error=error,
        proof=plan.proof,
        held_set_id=held,
        plan_digest=plan.digest,
        requests=plan.requests,
        repick=bool(snapshot.canaries_missing or not ctx.configuration.picked_canaries),
        postponed=postponed(plan.policy, plan.survey, plan.ruling),
    )


def _next(proof: Proof) -> str:
    """Say what mends a proof that failed: time, but for canaries that left like other people."""
    if all(code != "canary_missing" for code, _ in proof.failed):
        return "The next cycle reads everything again."
    return "If those accounts are gone for good, name others in guard.canaries."


def _shortfall(plan: _Plan) -> CycleError | None:
    """Say what kept the cycle from a full success: the weightiest reason."""
    if not plan.proof.proven:
        return CycleError(
            code="snapshot_unproven",
            message=f"Nobody was removed: {plan.proof.failed[0][1]}",
            hint=f"New and changed people were taken over. {_next(plan.proof)}",
        )
    if plan.ruling.holds:
        return CycleError(
            code="held_by_guard",
            message=plan.ruling.reason,
            hint="Look at the held set, then release or reject it.",
        )
    if not plan.groups_proven:
        return CycleError(
            code="groups_unproven",
            message="The groups could not be read in full, so nobody lost a group.",
            hint="Check the provider's groups.",
        )
    if plan.survey.problems:
        return CycleError(
            code="people_with_problems",
            message=f"{plan.survey.problems} people have a problem.",
            hint="Each is listed with what to do.",
        )
    return None
