"""What is found of one person's groups through a real provider."""

from __future__ import annotations

from core.engine.context import Meter
from core.engine.person_scope import PersonScope, scope_of
from core.model.configuration import Scope
from core.ports import IdentityProvider
from tests.support.engine_world import World
from tests.support.scripted_directory import ScriptedDirectory


class Silent(ScriptedDirectory):
    """A provider of which the engine knows nothing beside the usual."""

    def __init__(self, provider: IdentityProvider) -> None:
        super().__init__()
        self.capabilities = provider.capabilities
        self.read_groups = provider.read_groups
        self.decode_group = provider.decode_group
        self.identify = provider.identify


async def found_of(provider: IdentityProvider, person: str, *names: str) -> PersonScope:
    """Return how somebody stands to a scope of these groups."""
    world = World(scope=Scope(groups=names))
    world.directory = provider
    ctx = world.context()
    return await scope_of(ctx, Meter(ctx), person)


async def whole_of(provider: IdentityProvider, person: str, *names: str) -> PersonScope:
    """Return the same by reading all groups, as a whole cycle does."""
    return await found_of(Silent(provider), person, *names)
