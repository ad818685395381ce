"""The composition root of the engine: from settings to services that work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import islice

import structlog

from core.collector import spare_the_program
from core.engine.expressions import wanted_paths
from core.http.limits import HttpLimits
from core.mail.mailbox import MailboxMailer
from core.mail.smtp import SmtpMailer, parse_smtp_url
from core.mail.templates import Templates
from core.model.account import Invitation
from core.model.configuration import Configuration, Schedule
from core.model.directory import CheckStatus
from core.ports import ChatInviter, Clock, IdentityProvider, Mailer, Notifier
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from core.scheduling.chatting import invitation_chats, question_chats
from core.scheduling.inviting import InvitationSender, MailLine
from core.scheduling.outbox import Line, OutboxLoop
from core.scheduling.quarantine import next_try
from core.scheduling.slots import next_slot, upcoming
from core.scheduling.ticker import Ticker
from core.scheduling.worker import Worker
from core.services.access import AccessService
from core.services.activation import ActivationService
from core.services.alerts import AlertService
from core.services.applications import ApplicationService
from core.services.asking import AskingService
from core.services.audit import AuditService
from core.services.audit_log import AuditLogService
from core.services.configurations import ConfigurationService, ProviderFactory
from core.services.conflicts import ConflictService
from core.services.ground import Ground
from core.services.health import HealthService
from core.services.held import HeldService
from core.services.history import HistoryService
from core.services.licenses import LicenseService
from core.services.lifecycle import LifecycleService
from core.services.maintenance import MaintenanceService
from core.services.notices import NoticeService
from core.services.people import PeopleService
from core.services.reserves import ReserveService
from core.services.roles import RoleService
from core.services.schedules import ScheduleService
from core.services.secrets import SecretService, stored_references
from core.services.subscriptions import SubscriptionService
from core.services.sync import SyncService
from core.services.why import WhyService
from core.services.wizard import WizardService
from core.settings import Network, Settings
from core.store.opening import Store, open_store

_log = structlog.get_logger(__name__)
_DEMO_LIMITS = HttpLimits(attempts=2)
"""A demo's provider is down on purpose: nobody has to wait for all the attempts."""
SHOWN_SLOTS = 3
OUTBOX_POLL = 0.5
"""Seconds between two looks for messages that nobody rang for."""
_LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since the machine started, sleep included where it is counted."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Core:
    """Everything that a door needs.

    What people ask for goes through services, which check roles. Of the store, doors take what
    delivering needs: where cards stand, which clicks are taken, who hears what.
    """

    settings: Settings
    store: Store
    clock: Clock
    sync: SyncService
    history: HistoryService
    people: PeopleService
    why: WhyService
    licenses: LicenseService
    reserves: ReserveService
    asking: AskingService
    activation: ActivationService
    configurations: ConfigurationService
    lifecycle: LifecycleService
    schedules: ScheduleService
    held: HeldService
    conflicts: ConflictService
    secrets: SecretService
    wizard: WizardService
    health: HealthService
    access: AccessService
    roles: RoleService
    audit: AuditService
    audit_log: AuditLogService
    notices: NoticeService
    subscriptions: SubscriptionService
    alerts: AlertService
    maintenance: MaintenanceService
    applications: ApplicationService
    background: Background

    async def drain(self, within: float) -> None:
        """Stop the ticker, the worker and the outbox, in this order, in so many seconds.

        A cycle under way ends or is handed over; what is due is delivered as far as time allows.
        """
        await self.background.drain(within)


@dataclass(kw_only=True)
class Background:
    """The loops that run beside the doors; without any, cycles wait for another process."""

    worker: Worker | None = None
    outbox: OutboxLoop | None = None
    ticker: Ticker | None = None
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def start(self) -> None:
        """Begin to work in the running event loop."""
        if self.worker is not None:
            self.tasks["Worker"] = asyncio.create_task(self.worker.run())
        if self.outbox is not None:
            self.tasks["Outbox loop"] = asyncio.create_task(self.outbox.run())
        if self.ticker is not None:
            self.ticker.start()

    def wake(self) -> None:
        """Look for work at once."""
        if self.worker is not None:
            self.worker.poke()
        if self.outbox is not None:
            self.outbox.poke()

    def alive(self) -> dict[str, bool]:
        """Return which loops run."""
        return {name: not task.done() for name, task in self.tasks.items()}

    async def drain(self, within: float) -> None:
        """Stop everything, in so many seconds; safe to call twice."""
        tasks, self.tasks = self.tasks, {}
        if self.ticker is not None:
            await self.ticker.stop()
        if self.worker is not None and tasks:
            await self.worker.stop(within=within / 2)
        if self.outbox is not None and tasks:
            await self.outbox.stop(within=within / 2)
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@asynccontextmanager
async def open_core(
    settings: Settings,
    *,
    notifier: Callable[[Core], Notifier] | None,
    inviter: Callable[[Core], ChatInviter] | None = None,
    mailer: Mailer | None = None,
    clock: Clock | None = None,
    background: bool,
    ticks: bool = True,
    migrate: bool = True,
    allow_loopback: bool = False,
    drain_seconds: float = 10.0,
    outbox_poll: float = OUTBOX_POLL,
) -> AsyncIterator[Core]:
    """Open the store and everything above it; close it all at the end of the block.

    With `background`, cycles run, messages are delivered through `notifier` and, with `ticks`,
    schedules start cycles. Without a notifier, invitations go out and cards wait for a process
    that has one, as invitations by chat do without an `inviter`. `allow_loopback` lets providers
    be on this machine. Raises `ConflictError` (code ``database_in_use``) and what `open_store`
    raises.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            await open_store(
                settings.database_url,
                clock=clock,
                lease_seconds=settings.lease_seconds,
                migrate=migrate,
            )
        )
        loops = Background()
        ground = _ground(settings, store, clock, loops.wake)
        secrets = SecretService(
            settings=settings, store=store, clock=clock, access=ground.access, audit=ground.audit
        )
        factory = provider_factory(settings, clock, secrets, allow_loopback=allow_loopback)
        core = _assemble(ground, secrets, factory, loops)
        if background:
            sender = await _sender(settings, clock, mailer, stack)
            lines = _lines(core, sender, None if inviter is None else inviter(core))
            _furnish(core, factory, notifier, lines, ticks=ticks, outbox_poll=outbox_poll)
            core.background.start()
            stack.push_async_callback(core.background.drain, drain_seconds)
            spare_the_program()
        yield core


def open_mailer(settings: Settings, clock: Clock) -> MailboxMailer | SmtpMailer:
    """Return the mailer that the settings ask for."""
    if settings.smtp_url is None:
        return MailboxMailer(settings.mail_folder, sender=settings.mail_from, clock=clock)
    server = parse_smtp_url(settings.smtp_url.get_secret_value())
    return SmtpMailer(server, sender=settings.mail_from, clock=clock)


def provider_factory(
    settings: Settings, clock: Clock, secrets: SecretService, *, allow_loopback: bool
) -> ProviderFactory:
    """Return what opens a configuration's provider on this host."""
    networks = settings.allow_networks + (_LOOPBACK if allow_loopback else ())
    environ = {name: value.get_secret_value() for name, value in settings.credentials.items()}

    async def open_for(configuration: Configuration) -> IdentityProvider:
        provider = configuration.spec.provider
        context = ProviderContext(
            clock=clock,
            credentials_dir=settings.credentials_dir,
            environ=environ,
            stored=await secrets.open(stored_references(provider)),
            allow_networks=networks,
            limits=_DEMO_LIMITS if settings.demo else HttpLimits(),
            wanted=wanted_paths(configuration),
            org_units=bool(configuration.spec.scope.org_units),
        )
        return await open_provider(provider, context=context)

    return open_for


async def _sender(
    settings: Settings, clock: Clock, mailer: Mailer | None, stack: AsyncExitStack
) -> InvitationSender:
    if mailer is None:
        own = open_mailer(settings, clock)
        stack.push_async_callback(own.aclose)
        mailer = own
    chosen, templates = mailer, Templates(settings.mail_templates_dir)
    for line in templates.check():
        if line.status is not CheckStatus.OK:
            _log.error("mail.template", detail=line.detail, hint=line.hint)

    async def send(invitation: Invitation) -> None:
        words = templates.render(invitation, public_url=settings.public_url)
        await chosen.send(invitation, subject=words.subject, text=words.text, html=words.html)

    return send


def _lines(core: Core, sender: InvitationSender, inviter: ChatInviter | None) -> list[Line]:
    """Return the ways that invitations leave by in this process."""
    store, clock, pace = core.store, core.clock, core.settings.invitations_per_minute
    lines: list[Line] = [MailLine(store=store, clock=clock, send=sender, per_minute=pace)]
    if inviter is not None:
        lines.append(invitation_chats(store, clock, inviter, per_minute=pace))
        lines.append(question_chats(store, clock, inviter))
    return lines


def _furnish(
    core: Core,
    factory: ProviderFactory,
    notifier: Callable[[Core], Notifier] | None,
    lines: Sequence[Line],
    *,
    ticks: bool,
    outbox_poll: float,
) -> None:
    """Give the core its loops."""
    store, clock, settings = core.store, core.clock, core.settings
    loops = core.background
    outbox = OutboxLoop(
        store=store,
        clock=clock,
        notifier=None if notifier is None else notifier(core),
        lines=lines,
        poll=outbox_poll,
    )
    loops.outbox = outbox
    loops.worker = Worker(
        store=store,
        clock=clock,
        open_provider=factory,
        lease_seconds=settings.lease_seconds,
        wake=outbox.poke,
    )
    if ticks:
        loops.ticker = Ticker(
            store=store,
            clock=clock,
            wake=loops.wake,
            retention=timedelta(days=settings.retention_days),
        )


def _assemble(
    ground: Ground, secrets: SecretService, factory: ProviderFactory, loops: Background
) -> Core:
    configurations = ConfigurationService(ground, provider=factory)
    history = HistoryService(ground, configurations=configurations, next_slot=_next_slot)
    people = PeopleService(store=ground.store, access=ground.access)
    return Core(
        settings=ground.settings,
        store=ground.store,
        clock=ground.clock,
        sync=SyncService(ground, configurations=configurations),
        history=history,
        people=people,
        why=WhyService(store=ground.store, access=ground.access, people=people),
        asking=AskingService(ground),
        reserves=ReserveService(ground),
        licenses=LicenseService(ground),
        activation=ActivationService(ground),
        configurations=configurations,
        lifecycle=LifecycleService(
            ground, configurations=configurations, history=history, next_slot=_next_slot
        ),
        schedules=ScheduleService(ground, configurations=configurations, slots=_slots),
        held=HeldService(ground),
        conflicts=ConflictService(ground, configurations=configurations, people=people),
        secrets=secrets,
        wizard=WizardService(
            ground,
            configurations=configurations,
            secrets=secrets,
            provider=factory,
            next_slots=_next_slots,
        ),
        health=HealthService(
            store=ground.store, clock=ground.clock, provider=factory, loops=loops.alive
        ),
        access=ground.access,
        roles=RoleService(ground),
        audit=ground.audit,
        audit_log=AuditLogService(ground),
        notices=ground.notices,
        subscriptions=SubscriptionService(ground, configurations=configurations),
        alerts=AlertService(ground),
        maintenance=MaintenanceService(ground),
        applications=ApplicationService(ground),
        background=loops,
    )


def _ground(settings: Settings, store: Store, clock: Clock, wake: Callable[[], None]) -> Ground:
    audit = AuditService(store=store, clock=clock)
    access = AccessService(settings=settings, store=store, audit=audit)
    notices = NoticeService(settings=settings, store=store, clock=clock, access=access, audit=audit)
    return Ground(
        settings=settings,
        store=store,
        clock=clock,
        audit=audit,
        access=access,
        notices=notices,
        wake=wake,
    )


def _next_slots(schedule: Schedule, now: datetime) -> list[datetime]:
    return list(islice(upcoming(schedule, anchor=now, after=now), SHOWN_SLOTS))


def _next_slot(configuration: Configuration, now: datetime) -> datetime | None:
    schedule = configuration.spec.schedule
    if schedule is None:
        return None
    trial = next_try(configuration)
    if trial is not None:
        return max(trial, now)
    return next_slot(schedule, anchor=configuration.created_at, now=now)


def _slots(configuration: Configuration, after: datetime) -> Iterator[datetime]:
    schedule = configuration.spec.schedule
    if schedule is None:
        return iter(())
    return upcoming(schedule, anchor=configuration.created_at, after=after)
