"""Whether everything is well: for `/readyz`, `/metrics` and `dirsync doctor`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.errors import DirsyncError, StoreError
from core.model.account import LicenseSummary
from core.model.configuration import Configuration
from core.model.cycle import CycleResult
from core.model.directory import CheckLine, CheckStatus
from core.ports import Clock
from core.services.configurations import ProviderFactory
from core.store.opening import Store

LOOK_BACK = 50
MOST_SKEW = 5.0
"""Seconds by which the database's clock may differ."""

_GOOD = (CycleResult.SUCCESS, CycleResult.PARTIAL_SUCCESS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Numbers about nobody in particular, for monitoring.

    Attributes:
        cycles: finished cycles by (configuration name, result).
        durations: seconds that the last finished cycle took, by configuration name.
        ages: seconds since the last success, by configuration name.
        pending: messages that wait in the outbox.
        undeliverable: messages that were given up.
    """

    cycles: dict[tuple[str, str], int] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    ages: dict[str, float] = field(default_factory=dict)
    open_cycles: int = 0
    pending: int = 0
    undeliverable: int = 0
    licenses: LicenseSummary | None = None
    people: dict[str, int] = field(default_factory=dict)


class HealthService:
    """Looks at the store, the clock, the background loops and the providers.

    `loops` returns which of the loops that run in this process are alive.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        provider: ProviderFactory,
        loops: Callable[[], dict[str, bool]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._provider = provider
        self._loops = loops

    async def ready(self) -> list[CheckLine]:
        """Return whether work can be done now; nothing is asked of anybody but the store."""
        lines = [await self._reachable()]
        return lines + [_loop(name, alive=alive) for name, alive in self._loops().items()]

    async def doctor(self) -> list[CheckLine]:
        """Return what can be said about the store, the clock, the loops and each provider."""
        lines = await self.ready()
        if lines[0].status is CheckStatus.FAILED:
            return lines
        lines.append(await self._schema())
        lines.append(await self._time())
        lines.append(await self._outbox())
        for configuration in await self._store.configurations.all():
            lines += await self._provider_lines(configuration)
        return lines

    async def figures(self) -> Figures:
        """Return the numbers for monitoring. Raises `StoreError`."""
        found = Figures(licenses=await self._store.licenses.summary())
        pending, undeliverable = await self._store.outbox.backlog()
        people = {
            status.value: number for status, number in (await self._store.people.statuses()).items()
        }
        opened = 0
        for configuration in await self._store.configurations.all():
            opened += await self._store.cycles.open_one(configuration.id) is not None
            await self._measure(configuration, found)
        return Figures(
            cycles=found.cycles,
            durations=found.durations,
            ages=found.ages,
            open_cycles=opened,
            pending=pending,
            undeliverable=undeliverable,
            licenses=found.licenses,
            people=people,
        )

    async def _measure(self, configuration: Configuration, found: Figures) -> None:
        for result in CycleResult:
            number = await self._store.cycles.count(
                configuration=configuration.id, results=(result,)
            )
            found.cycles[configuration.name, result.value] = number
        recent = await self._store.cycles.list(
            configuration=configuration.id, results=tuple(CycleResult), limit=LOOK_BACK
        )
        real = [cycle for cycle in recent if cycle.whole and cycle.finished_at]
        for cycle in real[:1]:
            if cycle.started_at and cycle.finished_at:
                seconds = (cycle.finished_at - cycle.started_at).total_seconds()
                found.durations[configuration.name] = seconds
        for cycle in [each for each in real if each.result in _GOOD][:1]:
            if cycle.finished_at:
                age = self._clock.now() - cycle.finished_at
                found.ages[configuration.name] = age.total_seconds()

    async def _reachable(self) -> CheckLine:
        try:
            seconds = await self._store.maintenance.ping()
        except StoreError as error:
            return CheckLine.failed("Database", error)
        detail = f"{self._store.url_redacted} answers in {seconds * 1000:.0f} ms"
        return CheckLine.ok("Database", detail)

    async def _schema(self) -> CheckLine:
        database, program = await self._store.maintenance.schema()
        if database == program:
            return CheckLine.ok("Schema", f"revision {database}")
        return CheckLine(
            name="Schema",
            status=CheckStatus.FAILED,
            detail=f"the database has revision {database}, this program {program}",
            hint="Run: dirsync db upgrade.",
            code="schema_differs",
        )

    async def _time(self) -> CheckLine:
        """Compare the clocks by which leases and slots are judged."""
        skew = await self._store.maintenance.skew()
        now = f"{self._clock.now():%Y-%m-%d %H:%M:%S} UTC"
        if skew is None or abs(skew) <= MOST_SKEW:
            return CheckLine.ok("Clock", now)
        ahead = "ahead of" if skew > 0 else "behind"
        return CheckLine(
            name="Clock",
            status=CheckStatus.WARNING,
            detail=f"{now}; the database's is {abs(skew):,.0f} s {ahead} it",
            hint="Synchronise both machines' clocks (NTP).",
            code="clock_skewed",
        )

    async def _outbox(self) -> CheckLine:
        pending, undeliverable = await self._store.outbox.backlog()
        status = CheckStatus.WARNING if undeliverable else CheckStatus.OK
        return CheckLine(
            name="Outbox",
            status=status,
            detail=f"{pending:,} waiting, {undeliverable:,} undeliverable",
            hint="See the log for the reason." if undeliverable else "",
            code="undeliverable" if undeliverable else "",
        )

    async def _provider_lines(self, configuration: Configuration) -> list[CheckLine]:
        try:
            provider = await self._provider(configuration)
        except DirsyncError as error:
            return [CheckLine.failed(configuration.name, error)]
        try:
            report = await provider.check()
        except DirsyncError as error:
            return [CheckLine.failed(configuration.name, error)]
        finally:
            await provider.aclose()
        return [replace(line, name=f"{configuration.name}: {line.name}") for line in report.lines]


def _loop(name: str, *, alive: bool) -> CheckLine:
    if alive:
        return CheckLine.ok(name, "runs")
    return CheckLine(
        name=name,
        status=CheckStatus.FAILED,
        detail="has ended",
        hint="See the log, and restart dirsync.",
        code="loop_ended",
    )
