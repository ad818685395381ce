"""What `/dirsync sync --user` answers in Slack."""

from __future__ import annotations

from app_world import ADMIN, CHANNEL, VIEWER, app_world

from core.model.cycle import Trigger


async def test_each_step_is_shown_to_the_asker_alone_and_the_channel_names_nobody(tmp_path):
    async with app_world(tmp_path) as world:
        await world.synced()
        user = (await world.core.store.people.search(limit=1))[0]
        page = await world.as_(ADMIN)
        mark = page.mark()
        await page.say(f"/dirsync sync --user {user.email}", channel=CHANNEL)

        def answer() -> str:
            new = [each for each in page.screen.messages(None) if each.seen_at >= mark]
            return "".join(str(each) for each in new if each.is_ephemeral)

        await page.wait_until(lambda: "Planned" in answer(), what="the steps")
        for word in ("Found", "In scope", "Matched", "Mapped to", "Planned", "Done", user.email):
            assert word in answer()
        assert "requests to the provider" in answer()
        cycle = (await world.core.store.cycles.list(limit=1))[0]
        assert cycle.trigger is Trigger.ON_DEMAND
        assert user.email not in "".join(world.public_texts(CHANNEL))
        shown = await world.ask(ADMIN, f"show {cycle.id}")
        assert "Mapped to" in str(shown)


async def test_a_viewer_may_not_ask_for_one_person(tmp_path):
    async with app_world(tmp_path) as world:
        answer = await world.ask(VIEWER, "sync --user ada@example.com")
        assert "You may not do this" in answer.text
