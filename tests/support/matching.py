"""The size of a largest matching, by augmenting paths: the measure for what is kept for groups."""

from __future__ import annotations

from collections.abc import Sequence


def most_matched(people: Sequence[Sequence[int]], limits: Sequence[int]) -> int:
    """Return how many people can have a place of one of their groups, with so many places each."""
    places = [(group, n) for group, limit in enumerate(limits) for n in range(limit)]
    holder: dict[tuple[int, int], int] = {}

    def settle(person: int, tried: set[tuple[int, int]]) -> bool:
        for place in places:
            if place[0] not in people[person] or place in tried:
                continue
            tried.add(place)
            if place not in holder or settle(holder[place], tried):
                holder[place] = person
                return True
        return False

    return sum(settle(person, set()) for person in range(len(people)))
