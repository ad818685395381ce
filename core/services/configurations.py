"""The configurations: finding, applying, exporting and testing them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from core.errors import NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import Configuration
from core.model.directory import CheckReport
from core.ports import IdentityProvider
from core.services.configuration_export import export_file
from core.services.configuration_file import parse_file
from core.services.ground import Ground
from core.services.mapping_check import with_mapping
from core.services.scope_check import with_scope

ProviderFactory = Callable[[Configuration], Awaitable[IdentityProvider]]


class ConfigurationService:
    """What an admin sets up."""

    def __init__(self, ground: Ground, *, provider: ProviderFactory) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._notices = ground.notices
        self._provider = provider

    async def list(self, actor: Actor) -> list[Configuration]:
        """Return all configurations by name."""
        await self._access.require(actor, Role.VIEWER, "config.list")
        return await self._store.configurations.all()

    async def show(self, actor: Actor, name: str) -> Configuration:
        """Return one configuration by its name or a unique prefix."""
        await self._access.require(actor, Role.VIEWER, "config.show", name)
        return await self.resolve(name, channel=None)

    async def resolve(self, name: str | None, *, channel: str | None) -> Configuration:
        """Return the configuration that a name, a unique prefix or a channel means.

        Raises `NotFoundError`, or `UsageError` (code ``which_configuration``) with `choices`.
        """
        configurations = await self._store.configurations.all()
        if not configurations:
            raise NotFoundError(
                "There is no configuration yet.",
                code="no_configuration",
                hint="dirsync config example prints one; dirsync config apply FILE stores it.",
            )
        if name is None:
            return _of_channel(configurations, channel)
        return _named(configurations, name)

    async def apply(self, actor: Actor, text: str, *, source: str) -> Sequence[tuple[str, str]]:
        """Store what a configuration file says; return (name, what became of it) by name.

        "created", "updated" or "unchanged". Configurations that the file does not name stay as
        they are. Raises `ConfigurationError` with all errors and the line of the first one.
        """
        await self._access.require(actor, Role.ADMIN, "config.apply", source)
        file = await asyncio.to_thread(parse_file, text, source=source)
        outcome = await self._store.configurations.apply(
            file.configurations,
            licenses_total=file.licenses_total,
            licenses_policy=file.licenses_policy,
            by=actor,
            now=self._clock.now(),
        )
        changes = _changes(outcome)
        if changes:
            await self._notices.record(actor, "configurations_applied", changes)
        return outcome

    async def export(self, actor: Actor) -> str:
        """Return a file that `apply` accepts and that changes nothing."""
        await self._access.require(actor, Role.ADMIN, "config.export")
        configurations = await self._store.configurations.all()
        licenses = await self._store.licenses.summary()
        return export_file(
            [configuration.spec for configuration in configurations],
            licenses_total=licenses.total,
            licenses_policy=licenses.policy,
        )

    async def test(self, actor: Actor, name: str | None) -> CheckReport:
        """Ask the provider of one configuration whether everything is as it should be."""
        await self._access.require(actor, Role.OPERATOR, "config.test", name or "")
        configuration = await self.resolve(name, channel=None)
        provider = await self._provider(configuration)
        try:
            report = with_mapping(await provider.check(), configuration)
            return await with_scope(report, configuration, provider)
        finally:
            await provider.aclose()


def _of_channel(configurations: list[Configuration], channel: str | None) -> Configuration:
    if len(configurations) == 1:
        return configurations[0]
    here = [each for each in configurations if channel and each.spec.channel == channel]
    if len(here) == 1:
        return here[0]
    raise _which("Which configuration do you mean?", configurations)


def _named(configurations: list[Configuration], name: str) -> Configuration:
    wanted = name.casefold()
    for each in configurations:
        if each.name.casefold() == wanted:
            return each
    matching = [each for each in configurations if each.name.casefold().startswith(wanted)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise _which("More than one configuration begins like that.", matching)
    raise NotFoundError(
        "There is no configuration of that name.",
        code="no_such_configuration",
        hint="There is: " + ", ".join(each.name for each in configurations) + ".",
    )


def _which(message: str, configurations: list[Configuration]) -> UsageError:
    names = tuple(each.name for each in configurations)
    return UsageError(
        message,
        code="which_configuration",
        hint="Name one of " + ", ".join(names) + ".",
        choices=names,
    )


def _changes(outcome: Sequence[tuple[str, str]]) -> str:
    """Return what was done to configurations, to stand after somebody's name."""
    said = []
    for done in ("created", "updated"):
        names = [name for name, what in outcome if what == done]
        if names:
            noun = "configuration" if len(names) == 1 else "configurations"
            said.append(f"{done} the {noun} {', '.join(names)}")
    return " and ".join(said)
