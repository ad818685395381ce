"""A real SCIM server behind the fault proxy, a real database, and whole cycles between them.

The truth is kept here, beside the server: what a cycle leaves in the account is compared with
that, never with what the proxy let through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network

import structlog

from core.app import Core, open_core
from core.http.limits import HttpLimits
from core.model.account import Actor, Role, UserStatus
from core.model.configuration import Configuration, ConfigurationSpec, Guard, ScimSettings, Scope
from core.model.cycle import Change, Cycle, CycleState
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from core.scheduling.worker import Worker
from core.settings import Settings
from core.store.database import Transaction
from tests.support.clocks import WallClock
from tests.support.demo_command import free_port
from tests.support.engine_world import ManualClock
from tests.support.faultproxy import FaultProxy
from tests.support.scim_backend import TOKEN, ScimBackend, running_scim

PEOPLE, GROUPS, PAGE = 40, 11, 10
USER_PAGES, GROUP_PAGES = 4, 2
ROOT = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
LIMITS = HttpLimits(
    connect=5,
    read=5,
    total=5,
    max_body=2**20 * 2,
    attempts=2,
    retry_wait=0.001,
    retry_wait_max=0.01,
    per_second=10_000,
)
HURRIED = HttpLimits(total=0.4, attempts=1, per_second=10_000)
GONE = {UserStatus.DISABLED, UserStatus.DELETED}
_LONGEST_CYCLE = 30.0


@dataclass(kw_only=True)
class Truth:
    """What is really in the directory: people and their display names, groups and members."""

    people: dict[str, str] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the account says, in the directory's ids."""

    status: dict[str, UserStatus]
    names: dict[str, str]
    groups: dict[str, frozenset[str]]

    @property
    def there(self) -> set[str]:
        return {person for person, status in self.status.items() if status not in GONE}


class Directory:
    """The company in front of the server: it changes a little before every cycle."""

    def __init__(self, backend: ScimBackend) -> None:
        self.backend = backend
        self.truth = Truth()
        self.round = 0
        self.port = free_port()
        people = backend.add_people(PEOPLE)
        self.truth.people = {one: f"Person {n}" for n, one in enumerate(people)}
        everybody = backend.add_group("Everybody", users=people)
        self.truth.groups[everybody] = set(people)
        self.everybody = everybody
        for n in range(GROUPS - 1):
            members = set(people[n * 4 : n * 4 + 4])
            group = backend.add_group(f"Team {n}", users=members)
            self.truth.groups[group] = members

    @property
    def listed(self) -> list[str]:
        """Everybody's id in the order of the server's listing."""
        return list(self.truth.people)

    def turn(self) -> Turn:
        """One person leaves, one joins, one of each page changes, and a team changes hands."""
        self.round += 1
        leaver = self.listed[self.round * 7 % PEOPLE]
        self._leave(leaver)
        joiner = self.backend.add_people(1, prefix=f"joiner{self.round}-")[0]
        self.truth.people[joiner] = "Person 0"
        teams = [one for one in self.truth.groups if one != self.everybody]
        team = teams[self.round % len(teams)]
        self._members(team, self.truth.groups[team] ^ {joiner, self.listed[self.round % 9]})
        self._members(self.everybody, set(self.truth.people))
        changed = self.listed[self.round % PAGE :: PAGE]
        for person in changed:
            self.truth.people[person] = f"Renamed {self.round}"
            self.backend.patch(person, "displayName", f"Renamed {self.round}")
        return Turn(leaver=leaver, joiner=joiner, order=self._order())

    def _order(self) -> list[str]:
        found = self.backend.call("GET", "/Users?attributes=id&count=1000")["Resources"]
        return [str(record["id"]) for record in found]

    def _leave(self, person: str) -> None:
        self.backend.delete(person)
        del self.truth.people[person]
        for group, members in self.truth.groups.items():
            if person in members:
                self._members(group, members - {person})

    def _members(self, group: str, members: set[str]) -> None:
        self.truth.groups[group] = members
        value = [{"value": one, "type": "User"} for one in sorted(members)]
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "members", "value": value}],
        }
        self.backend.call("PATCH", f"/Groups/{group}", body)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What changed in the directory, and the order in which it lists people now."""

    leaver: str
    joiner: str
    order: list[str]


@contextmanager
def directory(*, cursor: bool) -> Iterator[Directory]:
    """Run a company's SCIM server, read by cursors or by indexes."""
    with running_scim(cursor=cursor) as backend:
        yield Directory(backend)


@dataclass(kw_only=True)
class FaultWorld:
    """One database and one directory; `cycle` runs a whole cycle through the worker."""

    core: Core
    proxy: FaultProxy
    directory: Directory
    clock: ManualClock
    log: list[MutableMapping[str, object]]

    @property
    def truth(self) -> Truth:
        return self.directory.truth

    async def cycle(self, limits: HttpLimits = LIMITS) -> Cycle:
        """Queue a cycle a day later, and let a worker carry it out."""
        self.clock.time += timedelta(hours=25)
        queued = await self.core.sync.request(ROOT, None)
        worker = self._worker(limits)
        running = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(_LONGEST_CYCLE):
                while True:
                    cycle = await self.core.store.cycles.get(queued.id)
                    if cycle.state is CycleState.FINISHED and not worker.busy:
                        return cycle
                    await asyncio.sleep(0.005)
        finally:
            await worker.stop(within=5)
            await running

    async def changes(self, cycle: Cycle) -> list[Change]:
        return await self.core.store.cycles.changes(cycle.id, limit=10_000)

    async def account(self) -> Account:
        """Read the account as it stands."""
        people = await self.core.store.people.search(limit=10_000)
        rows = await self._rows(
            "SELECT g.external_id, m.external_id FROM groups g"
            " LEFT JOIN memberships m ON m.group_id = g.id WHERE g.account_id = :account"
        )
        groups: dict[str, set[str]] = {}
        for group, person in rows:
            groups.setdefault(str(group), set()).update({str(person)} if person else ())
        return Account(
            status={str(one.external_id): one.status for one in people},
            names={str(one.external_id): one.display_name for one in people},
            groups={group: frozenset(members) for group, members in groups.items()},
        )

    async def _rows(self, sql: str) -> list[tuple[object, ...]]:
        async def work(tx: Transaction) -> list[tuple[object, ...]]:
            return [tuple(row) for row in await tx.rows(sql)]

        return await self.core.store.people._database.read(work)

    def _worker(self, limits: HttpLimits) -> Worker:
        async def open_for(configuration: Configuration) -> IdentityProvider:
            context = ProviderContext(
                clock=WallClock(),
                allow_networks=(ip_network("127.0.0.0/8"),),
                environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
                limits=limits,
                wanted=frozenset(configuration.mapping.values()),
            )
            return await open_provider(configuration.spec.provider, context=context)

        return Worker(
            store=self.core.store,
            clock=self.clock,
            open_provider=open_for,
            poll=0.01,
            concurrency=1,
        )


@asynccontextmanager
async def fault_world(
    url: str, directory: Directory, *, clock: ManualClock, scoped: bool
) -> AsyncIterator[FaultWorld]:
    """Open the database at `url`, with one configuration for this directory.

    Its guard lets all but half of the people go, so that the proof has to hold by itself.
    """
    settings = Settings.from_environment({"DIRSYNC_DATABASE_URL": url})
    with structlog.testing.capture_logs() as log:
        async with (
            FaultProxy(directory.backend.url, port=directory.port) as proxy,
            open_core(settings, notifier=None, clock=clock, background=False) as core,
        ):
            spec = ConfigurationSpec(
                name="people-scim",
                provider=ScimSettings(
                    delta=False, url=proxy.url, token="env:DIRSYNC_CREDENTIAL_T", page_size=PAGE
                ),
                scope=Scope(groups=("Everybody",) if scoped else ()),
                guard=Guard(percent=100, minimum=1000),
            )
            await core.store.configurations.apply(
                [spec], licenses_total=100, by=ROOT, now=clock.now()
            )
            yield FaultWorld(core=core, proxy=proxy, directory=directory, clock=clock, log=log)
