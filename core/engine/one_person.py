"""One person now: read, decide and carry out for exactly one person.

The decisions are those of a whole cycle. Nobody else is touched, and nobody's absence is believed:
that takes the proof of a whole snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from core.engine.context import CycleContext, CycleOutcome, Meter
from core.engine.guard import Ruling
from core.engine.mapping import Mapper
from core.engine.matching import match_key
from core.engine.person_scope import PersonScope, scope_of
from core.engine.plan import SILENT, TELLS_ONLY, Decider
from core.engine.reading import PeopleReader
from core.engine.references import set_managers
from core.engine.scoping import because, because_not, digest_key, digester
from core.engine.survey import Survey, policy_of, postponed, weigh
from core.errors import ConflictError, RecordError
from core.model.configuration import InvitationWay
from core.model.cycle import (
    Action,
    CycleError,
    CycleResult,
    Decision,
    Pair,
    Problem,
    ScopeAnswer,
    StagedUser,
    Step,
)
from core.model.directory import ExternalId, ResourceKind
from core.model.one_person import PersonStep, StepNote, StepState
from core.model.wording import several

_OK, _WARNING, _STOPPED = StepState.OK, StepState.WARNING, StepState.STOPPED
_PROFILE = msgspec.json.Decoder(dict[str, str])
_PROBLEMS = msgspec.json.Decoder(list[Problem])
_DONE: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.LINK: "linked with the account's person",
    Action.UPDATE: "updated",
    Action.DISABLE: "disabled; the license, if there was one, is free",
    Action.ENABLE: "enabled again",
    Action.RESTORE: "restored",
    Action.DELETE: "deleted",
    Action.CONFLICT: "left as it is, until the conflict is decided",
    Action.ERROR: "left as it is, until the record is mended",
}
_SENT: Mapping[InvitationWay, str] = {
    InvitationWay.MAIL: ", and the invitation goes out by mail",
    InvitationWay.SLACK: ", and the invitation goes out in Slack",
    InvitationWay.BOTH: ", and the invitation goes out by mail and in Slack",
    InvitationWay.STAGED: "; no invitation is sent yet",
}


async def run_one_person(ctx: CycleContext, meter: Meter, name: str) -> CycleOutcome:
    """Run a cycle for the one person of this id, user name or primary e-mail.

    The texts of the outcome name nobody, because they stand on a public card; those of the steps
    do. Raises as a whole cycle does.
    """
    await ctx.store.begin(ctx.fence, decoder_revision=ctx.provider.decoder_revision)
    await meter.begin(Step.CONNECT)
    run = _Run(ctx, meter, name)
    outcome = await run.carry_out()
    await ctx.store.note_person(ctx.fence, run.person, run.steps)
    return outcome


class _Run:
    """One run: takes its steps one after the other, and notes what each found."""

    def __init__(self, ctx: CycleContext, meter: Meter, name: str) -> None:
        self._ctx = ctx
        self._meter = meter
        self._name = name
        self._asked_before = ctx.provider.requests
        self._policy = policy_of(ctx)
        self._survey = Survey()
        self.person: ExternalId | None = None
        self.steps: list[StepNote] = []

    async def carry_out(self) -> CycleOutcome:
        """Take every step that there is reason to take."""
        try:
            raw = await self._find()
        except ConflictError:
            return self._stopped(
                "several_people",
                "Several people at the provider have that name or address.",
                "Name the one you mean by their id.",
            )
        if raw is None:
            return self._nobody()
        await self._meter.begin(Step.READ)
        person = self._owner(raw)
        scope = await scope_of(self._ctx, self._meter, person) if person else None
        row = self._row(raw, scope) if scope else None
        if scope is None or row is None:
            return self._stopped(
                "record_unidentified", "The record is unreadable, and nobody knows whose it is."
            )
        self.person = row.external_id
        self._note_found(row)
        if self._is_unknown(row, scope):
            return self._stopped(
                "groups_unproven",
                "The scope's groups could not be read in full, so it is not known whether this "
                "person is in scope.",
                "Nothing was changed. Check the provider's groups, then sync again.",
                step=PersonStep.SCOPE,
                result=CycleResult.PARTIAL_SUCCESS,
            )
        self._note_scope(row, scope)
        if await self._has_a_twin(row):
            return self._stopped(
                "duplicate_email",
                "More than one person in the directory has this e-mail address.",
                "Give each of them an address of their own in the directory.",
                step=PersonStep.MATCH,
            )
        await self._meter.advance(1, pages=1, read=1)
        await self._meter.begin(Step.COMPARE)
        return await self._decide(row, proven=scope.proven)

    async def _find(self) -> bytes | None:
        """Return the record; of somebody who is known by an older name, by the id."""
        raw = await self._ctx.provider.find_user(self._name)
        if raw is not None:
            return raw
        self.person = await self._ctx.store.known_person(
            self._ctx.fence, self._name, key=match_key(self._name)
        )
        if self.person is None:
            return None
        raw = await self._ctx.provider.find_user(self.person)
        return raw if raw is not None and self._owner(raw) == self.person else None

    def _owner(self, raw: bytes) -> ExternalId | None:
        try:
            return self._ctx.provider.decode_user(raw).external_id
        except RecordError:
            return self._ctx.provider.identify(raw)

    def _row(self, raw: bytes, scope: PersonScope) -> StagedUser | None:
        revision, units = self._ctx.provider.decoder_revision, scope.scoping.units
        digest = digester(digest_key(self._ctx.configuration, revision, units))
        reader = PeopleReader(
            self._ctx,
            self._meter,
            mapper=Mapper.of(self._ctx.configuration),
            scoping=scope.scoping,
            digest=digest,
        )
        return reader.row(raw, digest(raw))

    async def _has_a_twin(self, row: StagedUser) -> bool:
        """Whether somebody else at the provider has this address; asked if not asked already."""
        if not row.email or row.email.casefold() == self._name.casefold():
            return False
        try:
            other = await self._ctx.provider.find_user(row.email)
        except ConflictError:
            return True
        return other is not None and self._owner(other) != row.external_id

    def _is_unknown(self, row: StagedUser, scope: PersonScope) -> bool:
        """Whether somebody is out of scope only because groups could not be read."""
        named = bool(self._ctx.configuration.spec.scope.groups)
        return named and not scope.proven and row.scope is ScopeAnswer.OUT and not row.group_scoped

    def _note_found(self, row: StagedUser) -> None:
        state = "active" if row.active else "disabled in the directory"
        found = f"{row.email or row.user_name or row.external_id}, id {row.external_id}, {state}"
        self._note(PersonStep.FOUND, _OK if row.active else _WARNING, found)

    def _note_scope(self, row: StagedUser, found: PersonScope) -> None:
        scope, holders = self._ctx.configuration.spec.scope, found.holders
        if row.scope is ScopeAnswer.IN:
            text = f"in scope: {because(scope, holders, row.match_key)}"
        elif row.scope is ScopeAnswer.OUT_BY_EDIT:
            text = "out of scope since the scope was edited"
        else:
            text = f"not in scope: {because_not(scope, held=bool(holders), key=row.match_key)}"
        if found.note:
            text += f"; {found.note}"
        self._note(PersonStep.SCOPE, _OK if row.scope is ScopeAnswer.IN else _WARNING, text)

    async def _decide(self, row: StagedUser, *, proven: bool) -> CycleOutcome:
        await self._ctx.store.stage(self._ctx.fence, [row])
        pairs = [p async for chunk in self._ctx.store.pairs(self._ctx.fence) for p in chunk]
        (decision,) = Decider(self._policy).decide(pairs)
        self._note(PersonStep.MATCH, *_match(decision.pair))
        self._note_mapping(row, known=decision.pair.user_id is not None)
        ruling = await self._weigh(decision, proven=proven)
        through = ruling.lets(ResourceKind.USER, row.external_id, decision.action)
        self._note_plan(decision, ruling, through=through, proven=proven)
        if self._ctx.dry_run:
            await self._record(decision, through=through)
        elif through:
            await self._meter.begin(Step.APPLY, total=1)
            await self._apply(decision)
        return self._outcome(decision, ruling, through=through)

    async def _weigh(self, decision: Decision, *, proven: bool) -> Ruling:
        """Let the guard decide; whose removal was rejected is not removed here either."""
        rejected = await self._ctx.store.rejected_items(self._ctx.fence)
        mine = (str(ResourceKind.USER), decision.pair.external_id)
        if not (decision.action.removes and mine in rejected):
            self._survey.note(decision, frozenset())
        return await weigh(self._ctx, self._policy, self._survey, frozenset(), proven=proven)

    def _note_mapping(self, row: StagedUser, *, known: bool) -> None:
        problems = _PROBLEMS.decode(row.problems) if row.problems else []
        profile = _PROFILE.decode(row.profile)
        number = several(len(profile), "attribute")
        stays = self._ctx.configuration.spec.only_on_create
        if stays and known:
            number += f", without {', '.join(stays)}: only on create"
        told = " ".join(f"{p.message} {p.hint}".strip() for p in problems)
        self.steps.append(
            StepNote(
                step=PersonStep.MAPPING,
                state=_WARNING if problems else _OK,
                text=f"{number}. {told}" if told else number,
                detail=profile,
            )
        )

    def _note_plan(
        self, decision: Decision, ruling: Ruling, *, through: bool, proven: bool
    ) -> None:
        text = f"{decision.action}: {decision.reason}"
        if through:
            told = decision.action in TELLS_ONLY
            self._note(PersonStep.PLAN, _WARNING if told else _OK, text)
            return
        if not proven:
            why = "not done: the members of a group of the scope could not be read in full"
        elif ruling.postponed:
            why = f"not now: removals are frozen until {_minute(self._policy.removals_until)}"
        elif ruling.reason:
            why = f"held back by the guard: {ruling.reason}"
        else:
            why = "not done: an admin rejected this removal"
        self._note(PersonStep.PLAN, _WARNING, f"{text}; {why}")

    async def _record(self, decision: Decision, *, through: bool) -> None:
        if through and (decision.action not in SILENT or decision.pair.problems):
            await self._ctx.store.record_plan(self._ctx.fence, [decision])
        self._note(PersonStep.DONE, _OK, "nothing was changed: this is a preview")

    async def _apply(self, decision: Decision) -> None:
        send = self._ctx.configuration.spec.invitations
        await self._ctx.store.apply(
            self._ctx.fence,
            [decision],
            now=self._ctx.clock.now(),
            send=send,
            invite_at=self._policy.invitations_until,
            keep=frozenset(self._ctx.configuration.spec.only_on_create),
        )
        await set_managers(self._ctx)
        done = _DONE.get(decision.action, "nothing to do")
        if decision.action is Action.CREATE:
            done += _SENT[send]
            if self._policy.invitations_until is not None:
                done += f", but not before {_minute(self._policy.invitations_until)}: a freeze"
        self._note(PersonStep.DONE, _WARNING if decision.action in TELLS_ONLY else _OK, done)

    def _outcome(self, decision: Decision, ruling: Ruling, *, through: bool) -> CycleOutcome:
        error = None
        if not through and not ruling.postponed:
            error = CycleError(
                code="held_by_guard" if ruling.reason else "removal_not_done",
                message=ruling.reason or "The removal was not done.",
                hint="A whole cycle holds it by name, for an admin to decide.",
            )
        elif decision.problem is not None or decision.pair.problems:
            error = CycleError(
                code="people_with_problems",
                message="1 person has a problem.",
                hint="It is listed with what to do.",
            )
        return CycleOutcome(
            result=CycleResult.SUCCESS if error is None else CycleResult.PARTIAL_SUCCESS,
            error=error,
            requests=self._ctx.provider.requests - self._asked_before,
            postponed=postponed(self._policy, self._survey, ruling),
        )

    def _nobody(self) -> CycleOutcome:
        if self.person is None:
            return self._stopped(
                "person_not_found",
                "Nobody at the provider has that id, user name or e-mail address.",
            )
        return self._stopped(
            "person_gone",
            "The provider does not have this person any more.",
            "Nothing was changed: a whole cycle removes people, once its snapshot is proven.",
            result=CycleResult.PARTIAL_SUCCESS,
        )

    def _stopped(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        step: PersonStep = PersonStep.FOUND,
        result: CycleResult = CycleResult.FAILURE,
    ) -> CycleOutcome:
        self._note(step, _STOPPED, f"{message} {hint}".rstrip())
        return CycleOutcome(
            result=result,
            error=CycleError(code=code, message=message, hint=hint),
            requests=self._ctx.provider.requests - self._asked_before,
        )

    def _note(self, step: PersonStep, state: StepState, text: str) -> None:
        self.steps.append(StepNote(step=step, state=state, text=text))


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _match(pair: Pair) -> tuple[StepState, str]:
    """Say to whom of the account the record belongs."""
    if pair.user_id is not None:
        status = pair.status.value if pair.status else "known"
        return _OK, f"by id, with the account's person, who is {status}"
    if pair.holder_foreign:
        return _OK, "by e-mail, with a person whom the account had before dirsync"
    if pair.holder is not None:
        return _WARNING, "the address belongs to another person of the account"
    return _OK, "nobody in the account has this record or address yet"
