"""Licenses that are kept back for groups: how many, and whether somebody may take one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_RESERVES = 8
"""Groups that licenses are kept for; what is free is worked out over all their combinations."""

Members = Mapping[int, int]
"""How many people are in exactly the groups whose bits are set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserve:
    """So many of all licenses, for the members of one group.

    Whoever of the group holds a license has one of these as long as there are any.

    Attributes:
        group_id: the group in the account; None while there is none, and nothing is kept.
        used: how many of its members hold a license.
    """

    configuration_id: str
    external_id: str
    group: str
    group_id: int | None
    kept: int
    used: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Which group it is for, also while that is not in the account."""
        return self.configuration_id, self.external_id

    @property
    def left(self) -> int:
        """How many no member has taken yet."""
        return max(0, self.kept - self.used) if self.group_id is not None else 0


def untaken(limits: Sequence[int], holders: Members) -> int:
    """Return how many kept licenses are left if as many as possible are its members'.

    Bit n of the `holders` stands for the group with `limits[n]`. Whoever is in several groups
    takes that one's by which the most are taken in all: the size of a largest matching, which
    is that of the smallest cover (Kőnig).
    """
    covers = (
        sum(limit for n, limit in enumerate(limits) if groups >> n & 1)
        + sum(count for mask, count in holders.items() if mask & ~groups)
        for groups in range(1 << len(limits))
    )
    return sum(limits) - min(covers)
