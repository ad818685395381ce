"""The verb `sync --user`: one person now."""

from __future__ import annotations

from bot.slack.listeners.asked import Asked, address
from bot.slack.middleware import Visit
from bot.slack.views import answers
from bot.slack.views import one_person as views
from core.errors import AlreadyRunningError

POLL = 0.1


async def one_person(visit: Visit, asked: Asked) -> None:
    """Ask the provider for one person, and show each step to the asker."""
    command = asked.command
    name = await address(visit, command.text("user") or "")
    try:
        cycle = await visit.core.sync.request(
            visit.actor,
            command.configuration,
            preview=command.has("preview"),
            channel=visit.what.public,
            person=name,
        )
    except AlreadyRunningError as error:
        await visit.say(answers.already_running(error.cycle_id, None))
        return
    await visit.say(views.asking(name, cycle.configuration_name))
    async for _ in visit.core.sync.wait(cycle.id, poll=POLL):
        pass
    await visit.say(views.one_person(await visit.core.history.show(visit.actor, cycle.id)))
