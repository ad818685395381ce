"""Crowds of client processes: exactly as many get in as there are licenses."""

from __future__ import annotations

import random

import pytest

from tests.support.crowd import crowd
from tests.support.figures import FULL, SEED, figure

CROWDS = figure("people at once, from four client processes")
PEOPLE, LICENSES, REPEATS = (500, 100, 3) if FULL else (120, 25, 1)


@pytest.mark.timeout(600)
async def test_of_a_crowd_of_processes_exactly_as_many_get_in_and_all_others_are_told(
    database_url, tmp_path
):
    servers = 4 if database_url.startswith("postgresql") else 1
    async with crowd(
        database_url, tmp_path, servers=servers, people=PEOPLE, licenses=LICENSES
    ) as those:
        for repeat in range(REPEATS):
            with CROWDS.trying(PEOPLE):
                seen = await those.come(random.Random(SEED + repeat))
                assert seen.answers == {"activated": LICENSES, "waiting": PEOPLE - LICENSES}
                assert seen.places == list(range(1, PEOPLE - LICENSES + 1))
                assert seen.most <= LICENSES
                assert (seen.used, seen.waiting) == (LICENSES, PEOPLE - LICENSES)
                assert seen.alerts == 1
