"""What a check of a provider found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.errors import DirsyncError
from core.model.directory import CheckLine, CheckStatus


@dataclass(kw_only=True, slots=True)
class Findings:
    """The lines so far, one for each name.

    Attributes:
        names: in the order in which the report shows them; what is not reached is skipped.
    """

    names: tuple[str, ...]
    lines: dict[str, CheckLine] = field(default_factory=dict)

    def say(
        self, name: str, status: CheckStatus, detail: str = "", hint: str = "", code: str = ""
    ) -> None:
        """Put a line under its name; the last one stays."""
        self.lines[name] = CheckLine(name=name, status=status, detail=detail, hint=hint, code=code)

    def warn(self, name: str, error: DirsyncError) -> None:
        """Put a warning in the error's words."""
        self.say(name, CheckStatus.WARNING, error.message, error.hint, error.code)

    def fail(self, name: str, error: DirsyncError, *, hint: str = "") -> None:
        """Put a failure in the error's words."""
        self.say(name, CheckStatus.FAILED, error.message, hint or error.hint, error.code)

    def in_order(self) -> tuple[CheckLine, ...]:
        """Return a line for every name."""
        skipped = CheckStatus.SKIPPED
        return tuple(
            self.lines.get(name, CheckLine(name=name, status=skipped, detail="Not reached."))
            for name in self.names
        )
