"""From what the services answer to the documents of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from bot.control.documents import (
    ChangeDocument,
    CheckLineDocument,
    ConfigurationDocument,
    ConfigurationStatusDocument,
    ConsequencesDocument,
    CycleDocument,
    CycleReport,
    FreezeDocument,
    HeldDocument,
    LicensesDocument,
    ManagerDocument,
    PersonDocument,
    PersonProblemDocument,
    PlanItemDocument,
    ProblemGroupDocument,
    ProofDocument,
    ReserveDocument,
    ResultDocument,
    ResultsDocument,
    RoleChangeDocument,
    RoleDocument,
    RolesDocument,
    ScheduleDocument,
    StartDocument,
    UserDocument,
)
from bot.control.invitations import invitation_document, queue_document
from bot.control.steps import person_run
from core.model.account import LicenseSummary, Manager, PersonResult, User
from core.model.configuration import Configuration, ConfigurationId
from core.model.cycle import Change, Cycle, HeldItem, HeldSet, PersonProblem, ProblemGroup, Proof
from core.model.directory import CheckLine
from core.model.inviting import InvitationQueue
from core.model.roles import RoleChange, RolesView
from core.model.views import (
    ConfigurationStatus,
    Consequences,
    CycleView,
    FreezeView,
    HeldView,
    PersonView,
    PlanItem,
    ScheduleView,
)
from core.services.configuration_export import spec_document


def cycle_document(cycle: Cycle) -> CycleDocument:
    """Describe a cycle."""
    return CycleDocument(
        id=cycle.id,
        configuration=cycle.configuration_name,
        state=cycle.state,
        result=cycle.result,
        trigger=cycle.trigger,
        preview=cycle.dry_run,
        requested_by=cycle.requested_by,
        requested_by_name=cycle.requested_by_name,
        requested_at=cycle.requested_at,
        started_at=cycle.started_at,
        finished_at=cycle.finished_at,
        counts=cycle.counts,
        progress=cycle.progress,
        error=cycle.error,
        proof=None if cycle.proof is None else _proof(cycle.proof),
        held_set=cycle.held_set_id,
        requests=cycle.requests,
        resumed=cycle.resumed,
        cancel_requested=cycle.cancel_requested_by is not None,
        full=cycle.full,
        reading=cycle.reading,
        reading_note=cycle.reading_note,
        postponed=cycle.postponed,
    )


def cycle_report(view: CycleView) -> CycleReport:
    """Describe a cycle with its causes and samples."""
    return CycleReport(
        cycle=cycle_document(view.cycle),
        problems=tuple(_problem_group(group) for group in view.problem_groups),
        changes=tuple(_change(change) for change in view.changes_sample),
        plan=_items(view.plan_sample),
        held=None if view.held is None else held_document(view.held),
        licenses=None if view.licenses is None else licenses_document(view.licenses),
        person=None if view.person is None else person_run(view.person),
    )


def consequences_document(found: Consequences) -> ConsequencesDocument:
    """Describe what ending a configuration would mean."""
    configuration, status = found.configuration, found.status
    disabled = configuration.disabled
    return ConsequencesDocument(
        configuration=configuration.name,
        revision=configuration.revision,
        enabled=configuration.enabled,
        disabled_at=disabled.at if disabled else None,
        disabled_by=disabled.by if disabled else "",
        reason=disabled.reason if disabled else "",
        provisioned=found.belongings.provisioned,
        people=found.belongings.people,
        groups=found.belongings.groups,
        open_cycle=status.open_cycle.id if status.open_cycle else None,
        held=status.held.size if status.held else 0,
        next=found.next_slot,
    )


def held_document(held: HeldSet) -> HeldDocument:
    """Describe a held set without its people."""
    return HeldDocument(
        id=held.id,
        configuration=held.configuration_name,
        cycle=held.cycle_id,
        state=held.state,
        digest=held.digest,
        size=held.size,
        limit=held.limit,
        provisioned=held.provisioned,
        reason=held.reason,
        created_at=held.created_at,
        expires_at=held.expires_at,
        requested_by=held.requested_by,
        decided_by=held.decided_by,
        decided_at=held.decided_at,
        decided_reason=held.decided_reason,
    )


def held_people(view: HeldView) -> HeldDocument:
    """Describe a held set with its people."""
    base = held_document(view.held)
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    fields |= {"items": _items(view.items), "more": view.more}
    return HeldDocument(**fields)


def results_document(
    results: Iterable[PersonResult], queue: InvitationQueue | None = None
) -> ResultsDocument:
    """Describe what became of each person of a bulk act; `queue` is what it left on its way."""
    return ResultsDocument(
        queue=None if queue is None else queue_document(queue),
        results=tuple(
            ResultDocument(who=each.asked, outcome=each.outcome, place=each.place)
            for each in results
        ),
    )


def licenses_document(summary: LicenseSummary) -> LicensesDocument:
    """Describe the license pool."""
    return LicensesDocument(
        total=summary.total,
        used=summary.used,
        free=summary.free,
        invited=summary.invited,
        waiting=summary.waiting,
        shortfall=summary.shortfall,
        policy=summary.policy,
        kept=summary.kept,
        kept_for_expected=summary.kept_for_expected,
        kept_for_waiting=summary.kept_for_waiting,
        kept_for=tuple(
            ReserveDocument(
                group=each.group,
                present=each.group_id is not None,
                kept=each.kept,
                used=each.used,
                left=each.left,
            )
            for each in summary.reserves
        ),
    )


def status_line(status: ConfigurationStatus) -> ConfigurationStatusDocument:
    """Describe where one configuration stands."""
    configuration = status.configuration
    return ConfigurationStatusDocument(
        name=configuration.name,
        provider=configuration.spec.provider.type,
        enabled=configuration.enabled,
        stopped_reason=configuration.stopped_reason,
        quarantined=configuration.quarantined,
        failures=configuration.failures,
        failing_since=configuration.failing_since,
        open_cycle=None if status.open_cycle is None else cycle_document(status.open_cycle),
        last=None if status.last is None else cycle_document(status.last),
        next_slot=status.next_slot,
        held=None if status.held is None else held_document(status.held),
    )


def user_document(
    user: User, names: dict[ConfigurationId, str], *, undelivered: bool = False
) -> UserDocument:
    """Describe a person; `names` are the configurations' names."""
    owner = user.configuration_id
    return UserDocument(
        id=user.id,
        user_name=user.user_name,
        display_name=user.display_name,
        email=user.email,
        status=user.status,
        licensed=user.licensed,
        protected=user.protected,
        configuration=None if owner is None else names.get(owner, owner),
        external_id=user.external_id,
        disabled_by=None if user.disabled_by is None else user.disabled_by.value,
        disabled_at=user.disabled_at,
        created_at=user.created_at,
        updated_at=user.updated_at,
        last_login_at=user.last_login_at,
        profile=dict(user.profile),
        groups=user.groups,
        undelivered=undelivered,
    )


def person_document(view: PersonView, names: dict[ConfigurationId, str]) -> PersonDocument:
    """Describe one person's story."""
    undelivered = view.invitation is not None and view.invitation.undelivered
    return PersonDocument(
        user=user_document(view.user, names, undelivered=undelivered),
        manager=None if view.manager is None else _manager(view.manager),
        invitation=invitation_document(view.invitation),
        changes=tuple(_change(change) for change in view.changes),
        problems=tuple(_person_problem(problem) for problem in view.problems),
    )


def _manager(manager: Manager) -> ManagerDocument:
    return ManagerDocument(
        wanted=manager.wanted, id=manager.id, name=manager.name, email=manager.email
    )


def configuration_document(configuration: Configuration) -> ConfigurationDocument:
    """Describe a configuration; its secrets are references."""
    return ConfigurationDocument(
        name=configuration.name,
        enabled=configuration.enabled,
        revision=configuration.revision,
        stopped_reason=configuration.stopped_reason,
        failures=configuration.failures,
        created_at=configuration.created_at,
        created_by=configuration.created_by,
        spec=spec_document(configuration.spec),
    )


def schedule_document(view: ScheduleView) -> ScheduleDocument:
    """Describe a schedule with its next starts."""
    return ScheduleDocument(
        configuration=view.configuration.name,
        configuration_id=view.configuration.id,
        revision=view.configuration.revision,
        present=view.present,
        schedule=view.proposed,
        timezone=view.zone,
        changed=view.changed,
        starts=tuple(StartDocument(at=at, local=local) for local, at in view.starts),
        remark=view.remark,
        asked=view.asked,
        freezes=tuple(_freeze_document(each) for each in view.freezes),
        new_freezes=view.new_freezes,
    )


def _freeze_document(view: FreezeView) -> FreezeDocument:
    begins = ends = None
    if view.window is not None and view.local is not None:
        begins, ends = (
            StartDocument(at=at, local=local)
            for at, local in zip(view.window, view.local, strict=True)
        )
    return FreezeDocument(words=view.words, of=view.freeze.of, begins=begins, ends=ends)


def check_lines(lines: Iterable[CheckLine]) -> tuple[CheckLineDocument, ...]:
    """Describe the lines of a check."""
    return tuple(
        CheckLineDocument(
            name=line.name,
            status=line.status,
            detail=line.detail,
            hint=line.hint,
            code=line.code,
        )
        for line in lines
    )


def roles_document(view: RolesView) -> RolesDocument:
    """Describe who has which role."""
    return RolesDocument(
        roles=tuple(
            RoleDocument(
                kind=line.subject.kind,
                id=line.subject.id,
                name=line.name,
                role=line.role,
                source=line.source,
                granted_by=line.granted_by,
                granted_at=line.granted_at,
                people=line.people,
                problem=line.problem,
            )
            for line in view.lines
        ),
        notices=view.notices,
    )


def role_change_document(change: RoleChange) -> RoleChangeDocument:
    """Describe what a grant or a revocation did."""
    return RoleChangeDocument(
        kind=change.subject.kind,
        id=change.subject.id,
        name=change.name,
        before=change.before,
        after=change.after,
        kept=change.kept,
    )


def _proof(proof: Proof) -> ProofDocument:
    return ProofDocument(
        proven=proof.proven,
        read=proof.read,
        announced=proof.announced,
        pages=proof.pages,
        failed=proof.failed,
    )


def _problem_group(group: ProblemGroup) -> ProblemGroupDocument:
    return ProblemGroupDocument(
        severity=group.severity,
        code=group.code,
        attribute=group.attribute,
        message=group.message,
        hint=group.hint,
        people=group.people,
        samples=group.samples,
    )


def _change(change: Change) -> ChangeDocument:
    return ChangeDocument(
        cycle=change.cycle_id,
        at=change.at,
        kind=change.kind,
        action=change.action,
        result=change.result,
        name=change.label,
        external_id=change.external_id,
        reason=change.reason,
        before=dict(change.before),
        after=dict(change.after),
    )


def _items(items: Iterable[PlanItem | HeldItem]) -> tuple[PlanItemDocument, ...]:
    return tuple(
        PlanItemDocument(
            action=item.action,
            kind=item.kind,
            name=item.label,
            external_id=item.external_id,
            reason=item.reason,
        )
        for item in items
    )


def _person_problem(found: PersonProblem) -> PersonProblemDocument:
    problem = found.problem
    return PersonProblemDocument(
        cycle=found.cycle_id,
        severity=problem.severity,
        code=problem.code,
        attribute=problem.attribute,
        message=problem.message,
        hint=problem.hint,
    )
