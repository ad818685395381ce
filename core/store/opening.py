"""Opens a store: the schema, the sidecar lock, every table group."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from core.model.configuration import DEFAULT_ACCOUNT, AccountId
from core.ports import Clock
from core.store.activation import Activations
from core.store.alert_marks import AlertMarks
from core.store.applications import Applications
from core.store.audit import Audit
from core.store.chat_invitations import ChatInvitations
from core.store.configurations import Configurations
from core.store.conflicts import Conflicts
from core.store.cycles import Cycles
from core.store.database import Database
from core.store.desk import LicenseDays
from core.store.drafts import Drafts
from core.store.held import HeldSets
from core.store.home_viewers import HomeViewers
from core.store.inbox import Inbox
from core.store.invitation_standings import InvitationStandings
from core.store.invitations import Invitations
from core.store.licenses import Licenses
from core.store.lifecycle import Lifecycle
from core.store.lock import SidecarLock
from core.store.logins import Logins
from core.store.maintenance import Maintenance
from core.store.migrating import prepare_schema
from core.store.outbox import Outbox
from core.store.people import People
from core.store.questions import Questions
from core.store.reserves import Reserves
from core.store.role_grants import RoleGrants
from core.store.secrets import Secrets
from core.store.sending import StagedInvitations
from core.store.settings_table import SettingsTable
from core.store.slots import Slots
from core.store.subscriptions import Subscriptions
from core.store.sync import SyncStoreSql
from core.store.trail import Trails
from core.store.urls import Backend, parse_url


class Store:
    """A store that is open; an async context manager."""

    def __init__(self, database: Database, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.backend: Backend = database.backend
        self.url_redacted: str = database.address.redacted
        self.path: Path | None = database.address.path
        self.sync = SyncStoreSql(database)
        self.configurations = Configurations(database)
        self.lifecycle = Lifecycle(database)
        self.conflicts = Conflicts(database)
        self.drafts = Drafts(database)
        self.secrets = Secrets(database)
        self.cycles = Cycles(database)
        self.held = HeldSets(database)
        self.people = People(database)
        self.trails = Trails(database)
        self.licenses = Licenses(database)
        self.activations = Activations(database)
        self.invitations = Invitations(database)
        self.chat_invitations = ChatInvitations(database)
        self.staged_invitations = StagedInvitations(database)
        self.invitation_standings = InvitationStandings(database)
        self.outbox = Outbox(database)
        self.alert_marks = AlertMarks(database)
        self.inbox = Inbox(database)
        self.audit = Audit(database)
        self.slots = Slots(database)
        self.settings = SettingsTable(database)
        self.role_grants = RoleGrants(database)
        self.maintenance = Maintenance(database)
        self.applications = Applications(database)
        self.logins = Logins(database)
        self.license_days = LicenseDays(database)
        self.home_viewers = HomeViewers(database)
        self.reserves = Reserves(database)
        self.questions = Questions(database)
        self.subscriptions = Subscriptions(database)

    async def aclose(self) -> None:
        """Close connections and let the sidecar lock go; safe to call twice."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


async def open_store(
    url: str,
    *,
    clock: Clock,
    lease_seconds: float = 60,
    migrate: bool,
    exclusive: bool = True,
    account_id: AccountId = DEFAULT_ACCOUNT,
) -> Store:
    """Open the database at `url`.

    With `migrate`, an empty or older schema is brought forward first; otherwise it raises
    `StoreError` (code ``schema_too_old``). A newer one raises `SchemaTooNewError`. An SQLite file
    is opened by one process only: with `exclusive` the sidecar lock is taken, or `ConflictError`
    (code ``database_in_use``) raised, and every lease of an earlier process ends. Without it,
    nothing must be written.
    """
    address = parse_url(url)
    async with AsyncExitStack() as stack:
        lock = SidecarLock(address.path) if address.path is not None and exclusive else None
        if lock is not None:
            lock.take()
            stack.callback(lock.release)
        database = Database(
            address,
            clock=clock,
            account_id=account_id,
            lease_seconds=lease_seconds,
            lock=lock,
        )
        stack.push_async_callback(database.aclose)
        await prepare_schema(database, migrate=migrate)
        store = Store(database, stack.pop_all())
    if address.path is not None and exclusive:
        await store.cycles.expire_now()
    return store
