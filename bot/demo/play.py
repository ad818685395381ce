"""The story that `dirsync demo --play` tells by itself, chapter by chapter."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.demo.screen import Shown
from bot.demo.stage import (
    PATIENCE,
    Figures,
    Stage,
    StoryError,
    Tell,
    cycle_of,
    open_stage,
    used_of,
)
from bot.demo.visitor import VisitorError
from core.model.wording import people

JOINERS, LEAVERS, MANY, MORE = 10, 3, 40, 10
STORY_PEOPLE = 60
"""With fewer, forty could not leave and still be few enough to be held."""
SECOND_ADMIN, MEMBER = "tomasz", "yusuf"
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A part of the story; `tell` raises `StoryError` or `VisitorError` when it goes wrong."""

    title: str
    tell: Callable[[Stage], Awaitable[None]]


async def play(
    url: str,
    figures: Figures,
    *,
    tell: Tell,
    chapters: Sequence[Chapter] | None = None,
    patience: float = PATIENCE,
) -> bool:
    """Play the story at the demo's page and tell it as text; False if something did not happen.

    `patience` is the seconds that anything in it may take.
    """
    wanted = CHAPTERS if chapters is None else chapters
    async with open_stage(url, figures, patience=patience) as stage:
        told: list[str] = []
        for number, chapter in enumerate(wanted, start=1):
            tell(f"\n── {number}. {chapter.title} ──\n")
            failure = await _failure(chapter, stage)
            told = _tell_news(stage, told, tell)
            if failure is not None:
                tell(f"\n✗ The story broke off in “{chapter.title}”. {failure}")
                return False
    tell(f"\n✓ The story is told: {len(wanted)} chapters, and all of it happened.")
    return True


async def _failure(chapter: Chapter, stage: Stage) -> str | None:
    try:
        await chapter.tell(stage)
    except (StoryError, VisitorError) as error:
        return str(error)
    return None


def _tell_news(stage: Stage, told: Sequence[str], tell: Tell) -> list[str]:
    """Tell what was said since; an edit may have changed the last lines that were told."""
    lines = stage.visitor.transcript().splitlines()
    pairs = zip(told, lines, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    for line in lines[same:]:
        tell(line)
    return lines


async def _status(stage: Stage) -> None:
    total = stage.figures.licenses
    await stage.answer("/dirsync", "people-scim", "Never synced", f"0 of {total} licenses used")


async def _preview(stage: Stage) -> None:
    people = stage.figures.people
    await stage.answer("/dirsync preview", f"{people} to create")
    stage.expect(await stage.mails() == 0, "no mail after a preview")
    await stage.answer("/dirsync users", "Nobody")


async def _arrive(stage: Stage) -> None:
    people, licenses = stage.figures.people, stage.figures.licenses
    card = await stage.sync("Partial success", f"{people} created", f"of {licenses} licenses used")
    stage.expect_none(card, "updated", "disabled")
    stage.expect_text(card, "1 person", "2 people", f"{people} invited")
    if people > licenses:
        stage.expect_text(card, f"{people - licenses} will wait")
    await stage.expect_mails(people)
    await stage.click("View errors", "cost_center", on=card)


async def _again(stage: Stage) -> None:
    before = await stage.mails()
    card = await stage.sync("Partial success", "Nothing changed")
    stage.expect_text(card, "1 person", "cost_center")
    stage.expect(await stage.mails() == before, "no new mail, as nothing changed")
    stage.note("nothing changed, nothing was sent; what is still wrong is still told")


async def _accept(stage: Stage) -> None:
    people, licenses = stage.figures.people, stage.licenses
    inside = min(people, licenses)
    mark = stage.visitor.mark()
    told = await stage.accept_everybody()
    stage.expect(told.inside == inside, f"{inside} people to get in", seen=str(told))
    stage.expect(
        told.places == tuple(range(1, people - inside + 1)),
        "a place for all others",
        seen=str(told),
    )
    await stage.answer("/dirsync licenses", f"{inside} of {licenses} licenses used")
    if people > licenses:
        alert = await stage.public(
            "Licenses are exhausted", f"{people - inside} waiting", after=mark
        )
        listed = await stage.click(
            "Who waits", f"{people - inside} waiting for a license", on=alert
        )
        stage.line = addresses(listed)


async def _more_licenses(stage: Stage) -> None:
    waiting = stage.figures.people - stage.licenses
    if waiting <= 0:
        stage.note("everybody who accepted got in")
        return
    more = min(MORE, waiting)
    before = await stage.mails()
    stage.licenses += more
    question = await stage.answer(f"/dirsync licenses set {stage.licenses}", "Set the licenses")
    mark = stage.visitor.mark()
    await stage.visitor.click(f"Set {stage.licenses}", on=question, confirm=True)
    alert = await stage.public(f"Activate next {more}", after=mark)
    told = await stage.click(f"Activate next {more}", f"{people(more)} activated", on=alert)
    first = stage.line[:more]
    stage.expect(addresses(told)[: len(first)] == first, "the first in line, in their order")
    stage.note("those who waited longest, in the order of the line")
    await stage.expect_mails(before + more)
    await stage.answer("/dirsync licenses", f"{stage.licenses} of {stage.licenses} licenses used")


def addresses(shown: Shown) -> list[str]:
    """Return the addresses of a list of people, in its order."""
    return list(dict.fromkeys(_ADDRESS.findall(shown.text)))


async def _joiners(stage: Stage) -> None:
    before = await stage.mails()
    await stage.press("joiners", JOINERS)
    card = await stage.sync("Partial success", f"{JOINERS} created")
    stage.expect_none(card, "updated", "disabled")
    await stage.expect_mails(before + JOINERS)


async def _leavers(stage: Stage) -> None:
    await stage.press("leavers", LEAVERS)
    mark = stage.visitor.mark()
    card = await stage.sync("Partial success", f"{LEAVERS} disabled")
    stage.expect_none(card, "created")
    free = stage.licenses - used_of(card)
    waiting = max(0, stage.figures.people - stage.licenses)
    if waiting and free:
        count = min(free, waiting)
        alert = await stage.public(f"Activate next {count}", after=mark)
        await stage.click(f"Activate next {count}", f"{people(count)} activated", on=alert)
        stage.replaced = count
        stage.note("who left made room for who waits")


async def _everybody_gone(stage: Stage) -> None:
    await stage.press("everybody-gone")
    await stage.sync("Partial success", "Nothing changed", "Nobody was removed")
    await stage.press("undo")


async def _half(stage: Stage) -> None:
    await stage.press("half")
    await stage.sync("Partial success", "Nothing changed", "Nobody was removed")
    await stage.press("normal")


async def _down(stage: Stage) -> None:
    mark = stage.visitor.mark()
    await stage.press("down")
    await stage.sync("Failure")
    await stage.public("Sync failed", after=mark)
    await stage.press("normal")
    mark = stage.visitor.mark()
    await stage.sync("Partial success", "Nothing changed")
    await stage.public("Sync recovered", after=mark)


async def _many_leave(stage: Stage) -> None:
    mark = stage.visitor.mark()
    await stage.press("leavers", MANY)
    card = await stage.sync("Partial success", f"{MANY} removals held")
    stage.expect_none(card, "disabled")
    held = await stage.public(f"{MANY} removals held", "Review", after=mark)
    review = await stage.click("Review", f"Approve all {MANY}", on=held)
    await stage.click(f"Approve all {MANY}", "cannot release", on=review)


async def _release(stage: Stage) -> None:
    starter = stage.visitor.screen.me
    await stage.visitor.be(SECOND_ADMIN)
    held = await stage.public(f"{MANY} removals held", "Review", after=0)
    review = await stage.click("Review", f"Approve all {MANY}", on=held)
    mark = stage.visitor.mark()
    await stage.visitor.click(f"Approve all {MANY}", on=review)
    await stage.visitor.wait_view("lose access")
    await stage.visitor.submit({"reason": "The office in Lyon was closed"})
    await stage.visitor.wait_view("reads the provider again")
    await stage.visitor.close(everything=True)
    card = await stage.public("Approved by", f"{MANY} disabled", after=mark)
    stage.expect(cycle_of(card), "a cycle of its own")
    await stage.public("Approved", f"{MANY} removals", after=mark)
    await stage.public(f"{MANY} removals held: approved", after=mark)
    await stage.visitor.be(starter)


async def _come_back(stage: Stage) -> None:
    before = await stage.mails()
    await stage.press("everyone-back")
    card = await stage.sync("Partial success", f"{LEAVERS + MANY} enabled again")
    stage.expect_none(card, "created", "disabled")
    await stage.expect_mails(before + stage.replaced)
    if stage.replaced:
        stage.note(f"{stage.replaced} find their license taken, and are invited again")


async def _member(stage: Stage) -> None:
    starter = stage.visitor.screen.me
    await stage.visitor.be(MEMBER)
    refusal = await stage.answer("/dirsync users", "may")
    stage.expect("@example.com" not in refusal.text, "no names for an ordinary member")
    await stage.answer("/dirsync", "people-scim")
    await stage.visitor.be(starter)


async def _records(stage: Stage) -> None:
    await stage.answer("/dirsync licenses", f"of {stage.licenses} licenses used")
    await stage.answer("/dirsync history", "Failure", "Partial success")
    await stage.answer("/dirsync users --status disabled", f"of {LEAVERS + MANY}")


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(title="Where things stand", tell=_status),
    Chapter(title="What a sync would do", tell=_preview),
    Chapter(title="Everybody arrives", tell=_arrive),
    Chapter(title="Once more: nothing changes", tell=_again),
    Chapter(title="Everybody accepts, and some have to wait", tell=_accept),
    Chapter(title="More licenses for who waits longest", tell=_more_licenses),
    Chapter(title="Ten people join", tell=_joiners),
    Chapter(title="Three people leave", tell=_leavers),
    Chapter(title="The directory comes back empty", tell=_everybody_gone),
    Chapter(title="The directory lists only half", tell=_half),
    Chapter(title="The provider is down, and comes back", tell=_down),
    Chapter(title="Forty people leave at once", tell=_many_leave),
    Chapter(title="A second admin decides", tell=_release),
    Chapter(title="An ordinary member asks", tell=_member),
    Chapter(title="What is on record", tell=_records),
    Chapter(title="Everyone comes back", tell=_come_back),
)
