"""Expressions over a real SCIM server: what they read is asked for."""

from __future__ import annotations

from app_world import app_world


async def test_a_mapping_of_expressions_reads_the_attributes_that_it_names(tmp_path):
    mapping = "{title: 'enterprise.department + \" / \" + title', locale: \"'en'\"}"
    async with app_world(tmp_path, mapping=mapping) as world:
        await world.synced()
        for user in await world.core.store.people.search(limit=3):
            department, _, title = user.profile["title"].partition(" / ")
            assert department
            assert title
            assert user.profile["locale"] == "en"
