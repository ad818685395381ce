"""Each verb of the command line, once: request in, document out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import singledispatch
from pathlib import Path

from bot.control import requests as ask
from bot.control.applications import AppDocument, AppsDocument, app_document
from bot.control.audits import (
    AuditDocument,
    AuditPartDocument,
    AuditVerdictDocument,
    audit_document,
    audit_part,
    audit_verdict,
)
from bot.control.conflicts import (
    ConflictsDocument,
    RulingDocument,
    conflicts_document,
    ruling_document,
)
from bot.control.describe import (
    check_lines,
    configuration_document,
    consequences_document,
    cycle_document,
    cycle_report,
    held_document,
    held_people,
    licenses_document,
    person_document,
    results_document,
    role_change_document,
    roles_document,
    schedule_document,
    status_line,
    user_document,
)
from bot.control.desk import (
    AskingDocument,
    LicenseDeskDocument,
    ReserveChangeDocument,
    asking_document,
    desk_document,
    reserve_change_document,
)
from bot.control.documents import (
    AppliedDocument,
    CheckDocument,
    ConfigurationDocument,
    ConfigurationsDocument,
    ConsequencesDocument,
    CycleDocument,
    CycleReport,
    Document,
    DoneDocument,
    HeldDocument,
    HeldListDocument,
    HistoryDocument,
    LicensesDocument,
    PersonDocument,
    ResultsDocument,
    RoleChangeDocument,
    RolesDocument,
    ScheduleDocument,
    StagedDocument,
    StatusDocument,
    TextDocument,
    UsersDocument,
)
from bot.control.invitations import queue_document
from bot.control.notices import NotifyDocument, lost_documents, notify_document
from bot.control.trails import WhyDocument, why_document
from bot.subjects import subject_of
from core.app import Core
from core.errors import UsageError
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationId
from core.model.ownership import Verdict
from core.services.licenses import IDLE
from core.services.notify_words import channel_of, parse_kinds, parse_until
from core.services.schedule_words import name_and_words

Tell = Callable[[CycleDocument], Awaitable[None]]
"""Called with a cycle while somebody waits for it, whenever it has changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Who asks, what carries it out, and whom to tell meanwhile."""

    core: Core
    actor: Actor
    tell: Tell


@singledispatch
async def perform(request: object, desk: Desk) -> Document:
    """Carry out one request; raises only `DirsyncError`."""
    del desk
    raise UsageError(f"There is no verb for {type(request).__name__}.")


@perform.register
async def _sync(request: ask.Sync, desk: Desk) -> CycleReport:
    cycle = await desk.core.sync.request(
        desk.actor,
        request.configuration,
        preview=request.preview,
        full=request.full,
        person=request.user,
    )
    return await _report(desk, cycle.id, wait=request.wait)


@perform.register
async def _cancel(request: ask.Cancel, desk: Desk) -> CycleReport:
    cycle = await desk.core.sync.cancel(desk.actor, request.cycle)
    return await _report(desk, cycle.id, wait=False)


@perform.register
async def _status(request: ask.Status, desk: Desk) -> StatusDocument:
    del request
    view = await desk.core.history.status(desk.actor)
    return StatusDocument(
        configurations=tuple(status_line(each) for each in view.configurations),
        licenses=licenses_document(view.licenses),
        people=dict(view.people),
        notices=view.notices,
        lost=lost_documents(view.lost),
        invitations=queue_document(view.invitations),
    )


@perform.register
async def _history(request: ask.History, desk: Desk) -> HistoryDocument:
    page = await desk.core.history.list(
        desk.actor,
        request.configuration,
        result=request.result,
        since=_length(request.since),
        limit=request.limit,
        offset=request.offset,
    )
    return HistoryDocument(
        cycles=tuple(cycle_document(cycle) for cycle in page.cycles),
        total=page.total,
        offset=page.offset,
        limit=page.limit,
    )


@perform.register
async def _show(request: ask.Show, desk: Desk) -> CycleReport:
    return cycle_report(await desk.core.history.show(desk.actor, request.cycle))


@perform.register
async def _download(request: ask.Download, desk: Desk) -> TextDocument:
    name, content = await desk.core.history.csv(desk.actor, request.cycle, kind=request.kind)
    return TextDocument(name=name, text=content.decode())


@perform.register
async def _users(request: ask.Users, desk: Desk) -> UsersDocument:
    page = await desk.core.people.search(
        desk.actor,
        text=request.text,
        status=request.status,
        limit=request.limit,
        offset=request.offset,
    )
    names = await _names(desk)
    return UsersDocument(
        users=tuple(
            user_document(user, names, undelivered=user.id in page.undelivered)
            for user in page.users
        ),
        total=page.total,
        offset=page.offset,
        limit=page.limit,
        counts=dict(page.counts),
    )


@perform.register
async def _person(request: ask.Person, desk: Desk) -> PersonDocument:
    view = await desk.core.people.find(desk.actor, request.who)
    return person_document(view, await _names(desk))


@perform.register
async def _why(request: ask.Why, desk: Desk) -> WhyDocument:
    trail = await desk.core.why.explain(desk.actor, request.who)
    return why_document(trail, await _names(desk))


@perform.register
async def _licenses(request: ask.Licenses, desk: Desk) -> LicensesDocument:
    return licenses_document(await desk.core.licenses.set_total(desk.actor, request.total))


@perform.register
async def _license_keep(request: ask.LicenseKeep, desk: Desk) -> ReserveChangeDocument:
    service = desk.core.reserves
    if request.seen is None:
        change = await service.look(desk.actor, request.group, request.count)
    else:
        change = await service.keep(desk.actor, request.group, request.count, seen=request.seen)
    return reserve_change_document(change)


@perform.register
async def _license_ask(request: ask.LicenseAsk, desk: Desk) -> AskingDocument:
    idle = IDLE if request.unused is None else timedelta(seconds=request.unused)
    found = await desk.core.asking.look(desk.actor, idle=idle)
    if request.seen is None:
        return asking_document(found)
    asked = await desk.core.asking.ask(desk.actor, idle=idle, seen=request.seen)
    return asking_document(found, asked)


@perform.register
async def _license_desk(request: ask.LicenseDesk, desk: Desk) -> LicenseDeskDocument:
    idle = IDLE if request.unused is None else timedelta(seconds=request.unused)
    return desk_document(await desk.core.licenses.desk(desk.actor, idle=idle))


@perform.register
async def _activate(request: ask.Activate, desk: Desk) -> ResultsDocument:
    if (request.waiting is None) == (not request.people):
        raise UsageError("Name people by their addresses, or say --waiting and a number.")
    if request.waiting is not None:
        results = await desk.core.activation.activate_waiting(desk.actor, request.waiting)
    else:
        results = await desk.core.activation.activate(desk.actor, request.people)
    return results_document(results)


@perform.register
async def _invite(request: ask.Invite, desk: Desk) -> ResultsDocument:
    found = await desk.core.activation.invite(
        desk.actor, request.people, resend=request.resend, by=request.by
    )
    return results_document(found, await desk.core.activation.on_their_way())


@perform.register
async def _mail_bounce(request: ask.MailBounce, desk: Desk) -> DoneDocument:
    noted = await desk.core.activation.bounced(
        desk.actor, request.message_id, status=request.status
    )
    if noted:
        return DoneDocument(done="the invitation came back; its person's card says so.")
    return DoneDocument(done="that invitation was sent anew, accepted or taken back since.")


@perform.register
async def _staged(request: ask.Staged, desk: Desk) -> StagedDocument:
    del request
    staged = await desk.core.activation.staged(desk.actor)
    queue = await desk.core.activation.on_their_way()
    return StagedDocument(ready=staged.ready, nowhere=staged.nowhere, queue=queue_document(queue))


@perform.register
async def _invite_all(request: ask.InviteAll, desk: Desk) -> ResultsDocument:
    found = await desk.core.activation.invite_staged(
        desk.actor, expected=request.expected, by=request.by
    )
    return results_document(found, await desk.core.activation.on_their_way())


@perform.register
async def _free(request: ask.Free, desk: Desk) -> ResultsDocument:
    return results_document(await desk.core.activation.free(desk.actor, request.people))


@perform.register
async def _apps(request: ask.Apps, desk: Desk) -> AppsDocument:
    del request
    found = await desk.core.applications.list(desk.actor)
    return AppsDocument(apps=tuple(app_document(each) for each in found))


@perform.register
async def _app_create(request: ask.AppCreate, desk: Desk) -> AppDocument:
    made, token = await desk.core.applications.create(desk.actor, request.name)
    return app_document(made, token=token)


@perform.register
async def _app_revoke(request: ask.AppRevoke, desk: Desk) -> DoneDocument:
    await desk.core.applications.revoke(desk.actor, request.name)
    return DoneDocument(done=f"The token of {request.name} is no longer valid.")


@perform.register
async def _held(request: ask.Held, desk: Desk) -> HeldListDocument:
    del request
    held = await desk.core.held.open(desk.actor)
    return HeldListDocument(held=tuple(held_document(each) for each in held))


@perform.register
async def _held_show(request: ask.HeldShow, desk: Desk) -> HeldDocument:
    return held_people(await desk.core.held.show(desk.actor, request.held, limit=request.limit))


@perform.register
async def _release(request: ask.Release, desk: Desk) -> CycleReport:
    cycle = await desk.core.held.release(
        desk.actor, request.held, digest=request.digest, reason=request.reason
    )
    return await _report(desk, cycle.id, wait=request.wait)


@perform.register
async def _reject(request: ask.Reject, desk: Desk) -> HeldDocument:
    return held_document(
        await desk.core.held.reject(
            desk.actor, request.held, digest=request.digest, reason=request.reason
        )
    )


@perform.register
async def _conflicts(request: ask.Conflicts, desk: Desk) -> ConflictsDocument:
    page = await desk.core.conflicts.list(
        desk.actor,
        request.configuration,
        kept=request.kept,
        limit=request.limit,
        offset=request.offset,
    )
    return conflicts_document(page)


@perform.register
async def _conflicts_of(request: ask.ConflictsOf, desk: Desk) -> ConflictsDocument:
    found = await desk.core.conflicts.of_person(desk.actor, request.who, request.configuration)
    return conflicts_document(found)


@perform.register
async def _conflict_decide(request: ask.ConflictDecide, desk: Desk) -> DoneDocument:
    verdict = Verdict(request.verdict)
    decided = await desk.core.conflicts.decide(
        desk.actor, request.conflict, verdict, revision=request.revision, reason=request.reason
    )
    if verdict is Verdict.KEEP:
        return DoneDocument(done=f"{decided.label} stays with {decided.owner}.")
    return DoneDocument(
        done=f"{decided.label} belongs to {decided.claimant} now; its next sync updates them."
    )


@perform.register
async def _conflicts_priority(request: ask.ConflictsPriority, desk: Desk) -> RulingDocument:
    service = desk.core.conflicts
    if request.digest is None:
        return ruling_document(await service.ruling(desk.actor, request.configuration))
    ruling = await service.rule(
        desk.actor, request.configuration, digest=request.digest, reason=request.reason
    )
    return ruling_document(ruling)


@perform.register
async def _config_list(request: ask.ConfigList, desk: Desk) -> ConfigurationsDocument:
    del request
    found = await desk.core.configurations.list(desk.actor)
    return ConfigurationsDocument(
        configurations=tuple(configuration_document(each) for each in found)
    )


@perform.register
async def _config_show(request: ask.ConfigShow, desk: Desk) -> ConfigurationDocument:
    return configuration_document(await desk.core.configurations.show(desk.actor, request.name))


@perform.register
async def _config_apply(request: ask.ConfigApply, desk: Desk) -> AppliedDocument:
    outcome = await desk.core.configurations.apply(desk.actor, request.text, source=request.source)
    return AppliedDocument(configurations=dict(outcome))


@perform.register
async def _config_export(request: ask.ConfigExport, desk: Desk) -> TextDocument:
    del request
    text = await desk.core.configurations.export(desk.actor)
    return TextDocument(name="dirsync.yaml", text=text)


@perform.register
async def _consequences(request: ask.ConfigConsequences, desk: Desk) -> ConsequencesDocument:
    return consequences_document(await desk.core.lifecycle.consequences(desk.actor, request.name))


@perform.register
async def _enable(request: ask.ConfigEnable, desk: Desk) -> ConsequencesDocument:
    return consequences_document(await desk.core.lifecycle.enable(desk.actor, request.name))


@perform.register
async def _disable(request: ask.ConfigDisable, desk: Desk) -> ConfigurationDocument:
    return configuration_document(
        await desk.core.lifecycle.disable(
            desk.actor, request.name, revision=request.revision, reason=request.reason
        )
    )


@perform.register
async def _delete(request: ask.ConfigDelete, desk: Desk) -> ConsequencesDocument:
    had = await desk.core.lifecycle.delete(
        desk.actor,
        request.name,
        typed=request.typed,
        people=request.people,
        reason=request.reason,
        revision=request.revision,
    )
    return consequences_document(had)


@perform.register
async def _config_test(request: ask.ConfigTest, desk: Desk) -> CheckDocument:
    report = await desk.core.configurations.test(desk.actor, request.name)
    return CheckDocument(
        company=report.company,
        lines=check_lines(report.lines),
        sample=tuple(user.user_name for user in report.sample),
    )


@perform.register
async def _schedule(request: ask.ScheduleLook, desk: Desk) -> ScheduleDocument:
    name, words = name_and_words(request.configuration, request.words)
    return schedule_document(await desk.core.schedules.look(desk.actor, name, words))


@perform.register
async def _set_schedule(request: ask.ScheduleSave, desk: Desk) -> ScheduleDocument:
    saved = await desk.core.schedules.save(
        desk.actor,
        ConfigurationId(request.configuration_id),
        request.words,
        revision=request.revision,
    )
    return schedule_document(saved)


@perform.register
async def _secrets_rotate(request: ask.SecretsRotate, desk: Desk) -> DoneDocument:
    del request
    sealed, dropped = await desk.core.secrets.rotate(desk.actor)
    more = f" {dropped:,} that nothing uses any more were dropped." if dropped else ""
    return DoneDocument(done=f"{sealed:,} typed secrets are sealed with the newest key.{more}")


@perform.register
async def _notify_test(request: ask.NotifyTest, desk: Desk) -> DoneDocument:
    await desk.core.notices.test(desk.actor, request.channel)
    return DoneDocument(done="The test message is on its way as soon as dirsync runs.")


@perform.register
async def _notify_list(request: ask.NotifyList, desk: Desk) -> NotifyDocument:
    del request
    return notify_document(await desk.core.subscriptions.show(desk.actor))


@perform.register
async def _notify_add(request: ask.NotifyAdd, desk: Desk) -> NotifyDocument:
    kinds = parse_kinds(request.kinds)
    channel = channel_of(request.channel)
    service = desk.core.subscriptions
    return notify_document(
        await service.subscribe(desk.actor, channel, kinds, request.configuration)
    )


@perform.register
async def _notify_remove(request: ask.NotifyRemove, desk: Desk) -> NotifyDocument:
    channel = channel_of(request.channel)
    return notify_document(
        await desk.core.subscriptions.unsubscribe(desk.actor, channel, request.configuration)
    )


@perform.register
async def _notify_mute(request: ask.NotifyMute, desk: Desk) -> NotifyDocument:
    until = parse_until(request.until.split(), now=desk.core.clock.now())
    kinds = parse_kinds(request.kinds)
    return notify_document(await desk.core.subscriptions.mute(desk.actor, kinds, until=until))


@perform.register
async def _notify_unmute(request: ask.NotifyUnmute, desk: Desk) -> NotifyDocument:
    kinds = parse_kinds(request.kinds)
    return notify_document(await desk.core.subscriptions.unmute(desk.actor, kinds))


@perform.register
async def _roles(request: ask.Roles, desk: Desk) -> RolesDocument:
    del request
    return roles_document(await desk.core.roles.list(desk.actor))


@perform.register
async def _roles_grant(request: ask.RolesGrant, desk: Desk) -> RoleChangeDocument:
    return role_change_document(
        await desk.core.roles.grant(desk.actor, subject_of(request.subject), Role(request.role))
    )


@perform.register
async def _roles_revoke(request: ask.RolesRevoke, desk: Desk) -> RoleChangeDocument:
    return role_change_document(
        await desk.core.roles.revoke(desk.actor, subject_of(request.subject))
    )


@perform.register
async def _audit(request: ask.Audit, desk: Desk) -> AuditDocument:
    page = await desk.core.audit_log.page(
        desk.actor, since=_length(request.since), limit=request.limit, offset=request.offset
    )
    return audit_document(page)


@perform.register
async def _audit_export(request: ask.AuditExport, desk: Desk) -> AuditPartDocument:
    part = await desk.core.audit_log.export(
        desk.actor, request.form, since=_length(request.since), after=request.after
    )
    return audit_part(part)


@perform.register
async def _audit_verify(request: ask.AuditVerify, desk: Desk) -> AuditVerdictDocument:
    return audit_verdict(await desk.core.audit_log.verify(desk.actor, request.head))


@perform.register
async def _doctor(request: ask.Doctor, desk: Desk) -> CheckDocument:
    del request
    return CheckDocument(lines=check_lines(await desk.core.health.doctor()))


@perform.register
async def _backup(request: ask.Backup, desk: Desk) -> DoneDocument:
    await desk.core.maintenance.backup(desk.actor, Path(request.target))
    return DoneDocument(done=f"The database is copied to {request.target}.")


async def _report(desk: Desk, cycle_id: str, *, wait: bool) -> CycleReport:
    if wait:
        async for cycle in desk.core.sync.wait(cycle_id, poll=0.2):
            await desk.tell(cycle_document(cycle))
    return cycle_report(await desk.core.history.show(desk.actor, cycle_id))


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


async def _names(desk: Desk) -> dict[ConfigurationId, str]:
    return {each.id: each.name for each in await desk.core.configurations.list(desk.actor)}
