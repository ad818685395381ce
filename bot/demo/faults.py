"""Trouble on demand: what Slack's servers and networks do on bad days."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens to a Web API call."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    SLOW = "slow"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. `seconds`: Retry-After of a 429, or how slow; `error`: Slack's code."""

    kind: FaultKind
    seconds: float = 1
    error: str = "internal_error"


@dataclass(kw_only=True)
class Faults:
    """Faults that wait for their call or envelope. The method `*` stands for any method."""

    duplicates: int = 0
    """How many of the next envelopes are sent twice."""
    lost_acks: int = 0
    """How many of the next acknowledgements are lost on the way."""
    _calls: dict[str, deque[Fault]] = field(default_factory=dict)

    def inject(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next `times` calls of `method` meet `fault`, after those set before."""
        self._calls.setdefault(method, deque()).extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """Return the fault that this call meets, and forget it."""
        for name in (method, "*"):
            waiting = self._calls.get(name)
            if waiting:
                return waiting.popleft()
        return None

    def take_duplicate(self) -> bool:
        """Say whether this envelope is sent twice."""
        self.duplicates, due = max(0, self.duplicates - 1), self.duplicates > 0
        return due

    def take_lost_ack(self) -> bool:
        """Say whether this acknowledgement is lost."""
        self.lost_acks, due = max(0, self.lost_acks - 1), self.lost_acks > 0
        return due

    def clear(self) -> None:
        """Forget every fault that has not happened yet."""
        self._calls.clear()
        self.duplicates = self.lost_acks = 0
