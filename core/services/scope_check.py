"""Whether a scope's org units are the provider's, told beside what the provider says itself."""

from __future__ import annotations

from dataclasses import replace

from core.engine.org_units import find_units
from core.errors import DirsyncError
from core.model.configuration import Configuration
from core.model.directory import CheckLine, CheckReport
from core.ports import IdentityProvider

SCOPE = "Scope"


async def with_scope(
    report: CheckReport, configuration: Configuration, provider: IdentityProvider
) -> CheckReport:
    """Return a check's report with a line about the scope's org units, once all else is right."""
    scope = configuration.spec.scope
    if not (report.ok and scope.org_units):
        return report
    try:
        await find_units(provider, scope)
    except DirsyncError as error:
        line = CheckLine.failed(SCOPE, error)
    else:
        detail = f"The directory has the org unit {' and '.join(scope.org_units)}."
        line = CheckLine.ok(SCOPE, detail)
    return replace(report, lines=(*report.lines, line))
