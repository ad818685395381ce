"""What `/dirsync why` answers in Slack."""

from __future__ import annotations

from app_world import ADMIN, VIEWER, app_world


async def test_why_tells_a_viewer_one_persons_story_and_nobody_else_sees_it(tmp_path):
    async with app_world(tmp_path) as world:
        await world.synced()
        user = (await world.core.store.people.search(limit=1))[0]
        await world.ask(ADMIN, f"activate {user.email}")
        answer = await world.ask(VIEWER, f"why {user.email}")
        shown = str(answer)
        assert user.email in shown
        assert "in scope and not in the account yet" in shown
        assert "everybody in the directory is" in shown
        given = next(line for line in answer.text.splitlines() if "given a license" in line)
        assert "Tomasz Wójcik" in given
