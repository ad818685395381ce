"""What a cycle is given, and how its progress is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.engine import guard, proof
from core.model.configuration import Configuration
from core.model.cycle import (
    CycleError,
    CycleResult,
    Fence,
    HeldSetId,
    Postponed,
    Progress,
    Proof,
    Step,
    Trigger,
)
from core.ports import Clock, IdentityProvider, SyncStore


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleContext:
    """Everything that one cycle works with.

    Attributes:
        person: the one person whom the cycle is for, by id, user name or e-mail, or None.
        full: everything is to be read, whatever a delta would do.
        bound_plan: the plan's digest that a person saw; another plan is not applied.
        progress_every: seconds between two writes of the progress.
        batch: people in one transaction.
        slice_size: records that are worked on before the event loop gets a turn.
        proof_rules: the rules of the proof; only tests pass fewer.
        guard_rules: the rules of the guard; only tests pass fewer.
    """

    provider: IdentityProvider
    store: SyncStore
    configuration: Configuration
    fence: Fence
    clock: Clock
    trigger: Trigger = Trigger.MANUAL
    dry_run: bool = False
    person: str | None = None
    full: bool = False
    bound_plan: str | None = None
    progress_every: float = 1.0
    batch: int = 10_000
    slice_size: int = 500
    proof_rules: Sequence[proof.Rule] = proof.RULES
    guard_rules: Sequence[guard.Rule] = guard.RULES


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleOutcome:
    """How a cycle ended; the same is stored with it.

    Attributes:
        repick: the canaries are missing or incomplete, and are to be picked anew.
        postponed: what a freeze keeps waiting, or None.
    """

    result: CycleResult
    error: CycleError | None = None
    proof: Proof | None = None
    held_set_id: HeldSetId | None = None
    plan_digest: str | None = None
    requests: int = 0
    repick: bool = False
    postponed: Postponed | None = None


class Meter:
    """Tells where the cycle is, at once when a step begins and otherwise every so often.

    Each telling is a fenced write, so a cancelled cycle stops here even while nothing changes.
    """

    def __init__(self, ctx: CycleContext) -> None:
        self._ctx = ctx
        self._told_at = float("-inf")
        self._progress = Progress(step=Step.CONNECT)

    async def begin(self, step: Step, *, total: int | None = None) -> None:
        """Tell that a step begins."""
        self._progress = replace(self._progress, step=step, done=0, total=total)
        await self._tell()

    async def advance(
        self, done: int, *, pages: int = 0, read: int = 0, total: int | None = None
    ) -> None:
        """Note units done in this step, and pages and people read; told if it is time."""
        now = self._progress
        self._progress = replace(
            now,
            done=now.done + done,
            pages=now.pages + pages,
            read=now.read + read,
            total=now.total if total is None else total,
        )
        if self._ctx.clock.monotonic() - self._told_at >= self._ctx.progress_every:
            await self._tell()

    async def _tell(self) -> None:
        self._told_at = self._ctx.clock.monotonic()
        await self._ctx.store.progress(self._ctx.fence, self._progress)
