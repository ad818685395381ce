"""The verb `schedule` and its button: looked at first, saved by a click."""

from __future__ import annotations

from bot.grammar import split
from bot.slack.ids import ScheduleMark
from bot.slack.listeners.asked import Asked
from bot.slack.middleware import Visit
from bot.slack.views import answers, schedule
from core.errors import ConflictError
from core.model.configuration import ConfigurationId
from core.services.schedule_words import name_and_words


async def typed(visit: Visit, asked: Asked) -> None:
    """Show the present schedule, or the typed one with a button that saves it."""
    name, words = name_and_words(asked.command.configuration, asked.command.texts("words"))
    view = await visit.core.schedules.look(visit.actor, name, words, channel=visit.what.public)
    await visit.say(schedule.schedule(view))


async def save(visit: Visit) -> None:
    """Save what a button was made for; if the configuration has changed since, show it anew."""
    mark = ScheduleMark.unpack(visit.what.value)
    if mark is None:
        await visit.say(answers.unavailable())
        return
    configuration, words = ConfigurationId(mark.configuration), split(mark.words)
    try:
        view = await visit.core.schedules.save(
            visit.actor, configuration, words, revision=mark.revision
        )
    except ConflictError as error:
        now = await visit.core.store.configurations.get(configuration)
        view = await visit.core.schedules.look(visit.actor, now.name, words)
        await visit.say(schedule.schedule(view, because=str(error)), replace=True)
        return
    await visit.say(schedule.saved(view), replace=True)
