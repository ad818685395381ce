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
from core.model.reading import NextReading, ReadingNote, ReadKind
from core.ports import Clock, IdentityProvider, SyncStore


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleContext:
    """Everything that one cycle works with.

    Attributes:
        person: the one person whom the cycle is for, by id, user name or e-mail, or None.
        full: everything is to be read, whatever a delta would do.
        bound_plan: the plan's digest that a person saw; another plan is not applied.
        progress_every: seconds between two writes of the progress.
        batch: people in one transaction; of those who are read, half as many.
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
    batch: int = 7_500
    slice_size: int = 500
    proof_rules: Sequence[proof.Rule] = proof.RULES
    guard_rules: Sequence[guard.Rule] = guard.RULES


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleOutcome:
    """How a cycle ended; the same is stored with it.

    Attributes:
        repick: the canaries are missing or incomplete, and are to be picked anew.
        postponed: what a freeze keeps waiting, or None.
        next_reading: where the next delta begins, or None if that stays as it is.
    """

    result: CycleResult
    error: CycleError | None = None
    proof: Proof | None = None
    held_set_id: HeldSetId | None = None
    plan_digest: str | None = None
    requests: int = 0
    repick: bool = False
    postponed: Postponed | None = None
    next_reading: NextReading | None = None


class Meter:
    """Tells where the cycle is: every so often, and at once when it begins to wait for pages.

    Each telling is a fenced write, so a cancelled cycle stops here even while nothing changes.

    Attributes:
        progress: where the cycle is, told or not.
    """

    def __init__(self, ctx: CycleContext) -> None:
        self._ctx = ctx
        self._told_at = float("-inf")
        self._reading: ReadingNote | None = None
        self.progress = Progress(step=Step.CONNECT)

    def note_reading(self, kind: ReadKind, why: str = "") -> None:
        """Have the next telling say what the cycle reads and, if it is not a delta, why."""
        self._reading = ReadingNote(kind=kind, why=why)

    async def begin(self, step: Step, *, total: int | None = None) -> None:
        """Note that a step begins; told if it is time, or if pages are waited for."""
        self.progress = replace(self.progress, step=step, done=0, total=total)
        await self._tell_in_time(at_once=step is Step.READ)

    async def advance(
        self, done: int, *, pages: int = 0, read: int = 0, total: int | None = None
    ) -> None:
        """Note units done in this step, and pages and people read; told if it is time."""
        now = self.progress
        self.progress = replace(
            now,
            done=now.done + done,
            pages=now.pages + pages,
            read=now.read + read,
            total=now.total if total is None else total,
        )
        await self._tell_in_time()

    async def _tell_in_time(self, *, at_once: bool = False) -> None:
        now = self._ctx.clock.monotonic()
        if not at_once and now - self._told_at < self._ctx.progress_every:
            return
        self._told_at = now
        reading, self._reading = self._reading, None
        await self._ctx.store.progress(self._ctx.fence, self.progress, reading=reading)
