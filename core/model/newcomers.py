"""People who come to the account, many at once."""

from __future__ import annotations

from typing import NamedTuple

from core.model.cycle import Pair


class Newcomers(NamedTuple):
    """Staged people who are alike in everything that a decision looks at.

    They are readable, active and in scope, without a problem or a twin, and nobody of the account
    is linked to them or holds their address. `pair` is one of them and speaks for all; they are
    `people` of the rows staged from `first` to `last`. `mark` is the sum of their mapped digests,
    read as numbers.
    """

    pair: Pair
    first: int
    last: int
    people: int
    mark: int
