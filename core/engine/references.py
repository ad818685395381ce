"""References from one person to another: a manager is a person of the account, too."""

from __future__ import annotations

from core.engine.context import CycleContext

MANAGER = "manager"


async def set_managers(ctx: CycleContext) -> None:
    """Point people to their managers, once everybody of this cycle is in the account.

    A manager who is out of scope, or not read yet, is no fault: whoever reports to them has none
    in the account until they arrive. Circles of managers are as good as any.
    """
    if MANAGER in ctx.configuration.mapping and not ctx.dry_run:
        await ctx.store.resolve_managers(ctx.fence)
