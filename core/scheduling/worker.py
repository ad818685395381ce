"""The worker: claims cycles, keeps their leases, runs them and hands over what it cannot end."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum

import structlog

from core.engine.context import CycleContext, CycleOutcome
from core.engine.cycle import failure, run_cycle, store_outcome
from core.errors import DirsyncError, FencedError, StoreError, StoreUnavailableError
from core.model.configuration import Configuration
from core.model.cycle import CycleError, CycleResult, Fence
from core.ports import Clock, IdentityProvider
from core.scheduling.alerts import resumed_alert
from core.scheduling.bell import Bell
from core.store.claims import Claim
from core.store.opening import Store

ProviderFactory = Callable[[Configuration], Awaitable[IdentityProvider]]

_log = structlog.get_logger(__name__)
_BACK_OFF = 30.0


class _Stop(StrEnum):
    """Why a cycle under way was interrupted by its own worker."""

    CANCELLED = "cancelled"
    LOST = "lost"
    DRAINED = "drained"


class Worker:
    """Runs queued cycles, a few at a time, and those that other workers left behind.

    Everything that a cycle can raise ends here: as the cycle's failure, or as a lease that is
    given back.

    Attributes:
        wake: called after each cycle; what is to be told of it is in the outbox by then.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        open_provider: ProviderFactory,
        lease_seconds: float = 60.0,
        poll: float = 1.0,
        concurrency: int = 2,
        owner: str | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._store = store
        self._clock = clock
        self._open_provider = open_provider
        self._beat_every = min(lease_seconds / 4, 1.0)
        self._poll = poll
        self._concurrency = concurrency
        self._wake = wake
        self._bell = Bell()
        self._stopping = False
        self._cycles: dict[asyncio.Task[CycleOutcome], list[_Stop]] = {}
        self._ended = asyncio.Event()
        self._ended.set()

    def poke(self) -> None:
        """Look for work at once: something was queued or cancelled."""
        self._bell.ring()

    @property
    def busy(self) -> int:
        """Cycles under way in this worker."""
        return len(self._cycles)

    async def run(self) -> None:
        """Work until `stop`; survives a database that goes away and comes back."""
        self._ended.clear()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._loop())
        finally:
            self._ended.set()

    async def stop(self, *, within: float) -> None:
        """Claim nothing more; wait so many seconds for cycles under way, then hand them over."""
        self._stopping = True
        self._bell.ring()
        if self._cycles:
            await asyncio.wait(list(self._cycles), timeout=within)
        for task, stops in list(self._cycles.items()):
            stops.append(_Stop.DRAINED)
            task.cancel()
        self._bell.ring()
        await self._ended.wait()

    async def _loop(self) -> None:
        pause = self._poll
        while not self._stopping:
            try:
                worked = await self._turn()
                pause = self._poll
                if worked:
                    self._wake()
            except StoreError as error:
                _log.warning("worker.store_failed", code=error.code, retry_in=pause)
                worked = False
                pause = min(pause * 2, _BACK_OFF)
            except Exception:  # noqa: BLE001 - the worker outlives every fault
                _log.exception("worker.failed")
                worked = False
            if not worked and not self._stopping:
                await self._bell.wait(pause)
        self._bell.ring()

    async def _turn(self) -> bool:
        """Claim one cycle and carry it as far as it goes; False if there was none."""
        claim = await self._store.cycles.claim(owner=self.owner, now=self._clock.now())
        if claim is None:
            return False
        if self._stopping:
            await self._store.cycles.abandon(claim.fence)
            return False
        log = _log.bind(cycle=claim.cycle.id, configuration=claim.configuration.name)
        log.info("cycle.claimed", resumed=claim.resumed, trigger=claim.cycle.trigger.value)
        if claim.resumed:
            alert = resumed_alert(claim.configuration, claim.cycle)
            await self._store.outbox.put([alert], now=self._clock.now())
        outcome = await self._carry(claim)
        if outcome is not None:
            log.info(
                "cycle.finished",
                result=outcome.result.value,
                error=outcome.error.code if outcome.error else None,
            )
        return True

    async def _carry(self, claim: Claim) -> CycleOutcome | None:
        """Run a cycle under its lease; None if it is not this worker's to end."""
        stops: list[_Stop] = []
        task = asyncio.create_task(self._run(claim))
        self._cycles[task] = stops
        beat = asyncio.create_task(self._keep_lease(claim.fence, task, stops))
        try:
            return await task
        except asyncio.CancelledError:
            if not stops:
                await self._store.cycles.abandon(claim.fence)
                raise
            return await self._interrupted(claim, stops[0])
        except FencedError as error:
            return await self._fenced(claim, error)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of our own ends this cycle only
            return await self._broken(claim, error)
        finally:
            del self._cycles[task]
            task.cancel()
            beat.cancel()
            await asyncio.gather(task, beat, return_exceptions=True)

    async def _run(self, claim: Claim) -> CycleOutcome:
        provider = await self._open_provider(claim.configuration)
        try:
            return await run_cycle(self._context(claim, provider))
        finally:
            await provider.aclose()

    def _context(self, claim: Claim, provider: IdentityProvider) -> CycleContext:
        """Build what the engine is given.

        A plan that was compared and partly carried out before the take-over is not compared
        again: what is done would be missing from it.
        """
        begun = claim.resumed and claim.cycle.counts.changed > 0
        return CycleContext(
            provider=provider,
            store=self._store.sync,
            configuration=claim.configuration,
            fence=claim.fence,
            clock=self._clock,
            trigger=claim.cycle.trigger,
            dry_run=claim.cycle.dry_run,
            person=claim.person,
            full=claim.cycle.full,
            bound_plan=None if begun else claim.bound_plan,
        )

    async def _keep_lease(
        self, fence: Fence, task: asyncio.Task[CycleOutcome], stops: list[_Stop]
    ) -> None:
        """Extend the lease until the cycle ends, is cancelled or lost."""
        while not task.done():
            await asyncio.sleep(self._beat_every)
            try:
                if await self._store.cycles.heartbeat(fence):
                    continue
                stops.append(_Stop.CANCELLED)
            except FencedError:
                stops.append(_Stop.LOST)
            except StoreError as error:
                _log.warning("worker.heartbeat_failed", cycle=fence.cycle_id, code=error.code)
                continue
            task.cancel()
            return

    async def _interrupted(self, claim: Claim, why: _Stop) -> CycleOutcome | None:
        _log.info("cycle.interrupted", cycle=claim.cycle.id, why=why.value)
        if why is _Stop.DRAINED:
            await self._store.cycles.abandon(claim.fence)
            return None
        if why is _Stop.LOST:
            return None
        return await self._end(claim, CycleOutcome(result=CycleResult.CANCELLED))

    async def _fenced(self, claim: Claim, error: FencedError) -> CycleOutcome | None:
        _log.info("cycle.fenced", cycle=claim.cycle.id, code=error.code)
        if error.code == "configuration_changed":
            await self._store.cycles.abandon(claim.fence)
        return None

    async def _broken(self, claim: Claim, error: Exception) -> CycleOutcome | None:
        """End a cycle that could not even begin, or that met a fault of our own."""
        if isinstance(error, DirsyncError):
            return await self._end(claim, failure(error))
        _log.error("cycle.broken", cycle=claim.cycle.id, exc_info=error)
        text = f"dirsync itself failed ({type(error).__name__}); nothing was left half done."
        fault = CycleError(
            code="internal_error", message=text, hint="The log has the details; please report it."
        )
        return await self._end(claim, CycleOutcome(result=CycleResult.FAILURE, error=fault))

    async def _end(self, claim: Claim, outcome: CycleOutcome) -> CycleOutcome | None:
        try:
            now = self._clock.now()
            await store_outcome(self._store.sync, claim.fence, outcome, now=now)
        except FencedError as error:
            return await self._fenced(claim, error)
        return outcome
