"""A store with one configuration, and cycles that decide what the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.engine.verdict import judge_end
from core.model.account import Actor, Role
from core.model.configuration import ConfigurationSpec, InvitationWay, ScimSettings
from core.model.cycle import (
    Action,
    Counts,
    CycleError,
    CycleResult,
    Decision,
    Fence,
    Pair,
    Proof,
    ScopeAnswer,
    StagedUser,
    Trigger,
)
from core.model.directory import ExternalId
from core.model.events import AuditEntry
from core.model.verdict import Judge
from core.ports import Clock
from core.store.claims import Claim
from core.store.database import Transaction
from core.store.opening import Store

ADA = Actor(id="cli:ada", name="Ada", role=Role.ADMIN, door="cli")
SPEC = ConfigurationSpec(name="people", provider=ScimSettings(url="https://idp.example/scim/v2"))
Decide = Callable[[Pair], Action]


def record(name: str, **changed: Any) -> StagedUser:
    """Return a readable, active record in scope; its e-mail is the name's unless given."""
    email = changed.pop("email", f"{name}@example.com")
    title = changed.pop("title", "Engineer")
    values: dict[str, Any] = {
        "external_id": ExternalId(name),
        "digest": f"raw {name} {email} {title}".encode(),
        "mapped_digest": f"mapped {name} {email} {title}".encode(),
        "match_key": email.casefold(),
        "user_name": name,
        "display_name": name.title(),
        "email": email,
        "active": True,
        "readable": True,
        "scope": ScopeAnswer.IN,
        "group_scoped": False,
        "profile": f'{{"title":"{title}"}}',
        "problems": "",
    }
    return StagedUser(**{**values, **changed})


def always(action: Action) -> Decide:
    """Decide the same for everybody."""
    return lambda _: action


class Desk:
    """Runs cycles by hand on a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def entry(self, action: str = "test") -> AuditEntry:
        """Return an audit entry of Ada's."""
        return AuditEntry(
            at=self.clock.now(),
            actor=ADA.id,
            door=ADA.door,
            action=action,
            subject="people",
            allowed=True,
            detail={},
        )

    async def configure(self, spec: ConfigurationSpec = SPEC, licenses: int | None = None) -> Any:
        """Apply a configuration and return it as stored."""
        await self.store.configurations.apply(
            [spec], licenses_total=licenses, by=ADA, now=self.clock.now()
        )
        return await self.store.configurations.by_name(spec.name)

    async def queue(self, name: str = "people", **more: Any) -> Any:
        """Queue a cycle."""
        found = await self.store.configurations.by_name(name)
        values = {"trigger": Trigger.MANUAL, "dry_run": False, "channel": None, **more}
        return await self.store.cycles.queue(
            configuration=found.id,
            actor=ADA,
            audit=self.entry(),
            now=self.clock.now(),
            **values,
        )

    async def claim(self, owner: str = "w") -> Claim:
        """Claim what is due."""
        claim = await self.store.cycles.claim(owner=owner, now=self.clock.now())
        assert claim is not None
        return claim

    async def begin(self, records: Sequence[StagedUser] = (), name: str = "people") -> Fence:
        """Queue, claim and stage; everybody known who is not staged is absent."""
        await self.queue(name)
        fence = (await self.claim()).fence
        await self.store.sync.begin(fence, decoder_revision="1")
        await self.store.sync.stage(fence, records)
        digests = [digest async for chunk in self.store.sync.known(fence) for digest in chunk]
        await self.store.sync.stage_unmet(fence, digests)
        return fence

    async def pairs(self, fence: Fence) -> list[Pair]:
        """Return all pairs, in order."""
        return [pair async for chunk in self.store.sync.pairs(fence) for pair in chunk]

    async def absentees(self, fence: Fence) -> list[Pair]:
        """Return all absentees."""
        return [pair async for chunk in self.store.sync.absentees(fence) for pair in chunk]

    async def apply(
        self,
        fence: Fence,
        decisions: Sequence[Decision],
        *,
        send: InvitationWay = InvitationWay.MAIL,
    ) -> None:
        """Apply decisions now."""
        await self.store.sync.apply(fence, decisions, now=self.clock.now(), send=send)

    async def finish(
        self,
        fence: Fence,
        read: int = 0,
        *,
        error: str | None = None,
        judge: Judge = judge_end,
    ) -> Counts:
        """End the cycle, as a failure if there is an error's code; return its counts."""
        await self.store.sync.finish(
            fence,
            result=CycleResult.FAILURE if error else CycleResult.SUCCESS,
            error=CycleError(code=error, message="It failed.") if error else None,
            proof=Proof(read=read, announced=read, pages=1),
            held_set_id=None,
            plan_digest=None,
            requests=1,
            canaries=None,
            judge=judge,
            now=self.clock.now(),
        )
        return (await self.store.cycles.get(fence.cycle_id)).counts

    async def cycle(
        self,
        records: Sequence[StagedUser],
        present: Action | Decide = Action.CREATE,
        absent: Action | Decide = Action.NOTHING,
        name: str = "people",
        **more: Any,
    ) -> Counts:
        """Run a whole cycle in which everybody present, and everybody absent, is decided alike."""
        fence = await self.begin(records, name)
        for pairs, action in (
            (await self.pairs(fence), present),
            (await self.absentees(fence), absent),
        ):
            decide = always(action) if isinstance(action, Action) else action
            decisions = [Decision(p, decide(p), "as told", settles=p.present) for p in pairs]
            await self.apply(fence, decisions, **more)
        return await self.finish(fence, len(records))

    async def sql(self, statement: str, **values: object) -> Sequence[Any]:
        """Run SQL beside the store's own verbs."""

        async def work(tx: Transaction) -> Sequence[Any]:
            if statement.lstrip().upper().startswith("SELECT"):
                return await tx.rows(statement, **values)
            await tx.run(statement, **values)
            return ()

        return await self.store.maintenance._database.write(work)

    async def user(self, name: str) -> Any:
        """Return the row of the person of this user name."""
        rows = await self.sql("SELECT * FROM users WHERE user_name = :name", name=name)
        return rows[0] if rows else None
