"""Where the story is played: a person at the chat page, the provider's buttons, the mailbox."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import aiohttp

from bot.demo.acceptances import Accepted, accept_all
from bot.demo.screen import Shown
from bot.demo.visitor import Visitor, VisitorError, visit

CHANNEL = "it-directory"
PATIENCE = 30.0
"""Seconds that anything in the story may take."""
STEP = 0.1

_CYCLE = re.compile(r"\bc-[a-z0-9]+\b")
_FINISHED = re.compile(": (Success|Partial success|Failure|Cancelled)")
_ANYTHING = re.compile("")
Tell = Callable[[str], None]


class StoryError(Exception):
    """Something of the story did not happen; the text says what was expected and what was there."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The numbers that the story is about: people at the start, and licenses."""

    people: int = 120
    licenses: int = 100


class Stage:
    """What a chapter plays on, and the ways to insist on what should have happened.

    Attributes:
        licenses: how many there are by now.
        replaced: how many of those who left had a license that somebody else has now.
        line: the addresses of the first in the waiting line, as they were listed.
    """

    def __init__(
        self,
        *,
        url: str,
        visitor: Visitor,
        http: aiohttp.ClientSession,
        figures: Figures,
        patience: float,
    ) -> None:
        self.visitor = visitor
        self.figures = figures
        self.licenses = figures.licenses
        self.replaced = 0
        self.line: list[str] = []
        self._url = url
        self._http = http
        self._patience = patience

    def expect(self, holds: object, what: str, *, seen: str = "") -> None:
        """Raise `StoryError` unless `holds`; `what` completes "Expected …"."""
        if not holds:
            raise StoryError(_missing(what, seen))

    def fail(self, text: str) -> NoReturn:
        """Raise `StoryError`."""
        raise StoryError(text)

    def expect_text(self, shown: Shown, *fragments: str) -> None:
        """Raise `StoryError` unless each text is on the message, its markup aside."""
        for fragment in fragments:
            self.expect(
                says(shown.text, fragment), f"“{fragment}” on the message", seen=plain(shown.text)
            )

    def expect_none(self, shown: Shown, *deeds: str) -> None:
        """Raise `StoryError` if the message counts anybody to whom one of these was done."""
        for deed in deeds:
            found = re.search(rf"\d {re.escape(deed)}", plain(shown.text))
            self.expect(found is None, f"nobody {deed} on the message", seen=plain(shown.text))

    def note(self, text: str) -> None:
        """Write a line of the story that nobody says."""
        self.visitor.screen.log.say(f"({text})")

    async def answer(self, command: str, *fragments: str, channel: str = CHANNEL) -> Shown:
        """Type a command; return the private answer, which must carry each of the texts."""
        mark = self.visitor.mark()
        await self.visitor.say(command, channel=channel)
        return await self._private(fragments, after=mark)

    async def click(
        self, button: str, *fragments: str, on: Shown, sure: bool | None = None
    ) -> Shown:
        """Click a button on a message; return the private answer, which must carry each text."""
        mark = self.visitor.mark()
        await self.visitor.click(button, on=on, confirm=sure)
        return await self._private(fragments, after=mark)

    async def sync(self, result: str, *fragments: str) -> Shown:
        """Type ``/dirsync sync`` and return the finished card, which must carry each text."""
        cycle = cycle_of(await self.answer("/dirsync sync", "Started syncing"))
        card = await self._message((cycle,), after=0, private=False, also=_FINISHED)
        self.expect_text(card, f": {result}", *fragments)
        return card

    async def public(self, *fragments: str, after: int = 0) -> Shown:
        """Wait for a message for all that came or changed after the mark and carries each text."""
        return await self._message(fragments, after=after, private=False)

    async def _private(self, fragments: Sequence[str], *, after: int) -> Shown:
        return await self._message(fragments, after=after, private=True)

    async def _message(
        self,
        fragments: Sequence[str],
        *,
        after: int,
        private: bool,
        also: re.Pattern[str] = _ANYTHING,
    ) -> Shown:
        screen = self.visitor.screen

        def found() -> Shown | None:
            return next(
                (
                    shown
                    for shown in screen.messages(screen.channel_id(CHANNEL))
                    if shown.seen_at >= after
                    and shown.is_ephemeral is private
                    and also.search(shown.text)
                    and all(says(shown.text, fragment) for fragment in fragments)
                ),
                None,
            )

        what = "a private answer" if private else "a message for all"
        what = f"{what} with {', '.join(f'“{fragment}”' for fragment in fragments)}"
        try:
            await self.visitor.wait_until(
                lambda: found() is not None, what=what, patience=self._patience
            )
        except VisitorError as error:
            raise StoryError(f"Expected {what}, and waited {self._patience:g} seconds.") from error
        return found() or self.fail(f"Expected {what} to stay.")

    async def press(self, action: str, n: int | None = None) -> Mapping[str, object]:
        """Press a button of the provider's page and write down what it did."""
        body = {} if n is None else {"n": n}
        async with self._http.post(f"{self._url}/directory/do/{action}", json=body) as response:
            told = await response.json()
            self.expect(response.ok, f"that the provider's page does {action!r}", seen=str(told))
        self.note(f"on the provider's page: {told['text']}")
        return dict(told)

    async def mails(self) -> int:
        """Return how many mails are in the mailbox."""
        headers = {"Accept": "application/json"}
        async with self._http.get(f"{self._url}/mail/", headers=headers) as response:
            return int((await response.json())["total"])

    async def accept_everybody(self) -> Accepted:
        """Let everybody who has an invitation accept it, in random order and partly at once."""
        async with self._http.get(f"{self._url}/mail/invitations") as response:
            links = (await response.json())["links"]
        told = await accept_all(self._http, links)
        waiting = f", {len(told.places)} are in line" if told.places else ""
        self.note(f"{len(links)} people accept on their own page: {told.inside} get in{waiting}")
        return told

    async def expect_mails(self, number: int) -> None:
        """Wait until so many mails are there; more are as wrong as fewer."""
        found = await self.mails()
        for _ in range(int(self._patience / STEP)):
            if found >= number:
                break
            await asyncio.sleep(STEP)
            found = await self.mails()
        self.expect(found == number, f"{number} mails in the mailbox", seen=f"{found} mails")
        self.note(f"in the mailbox: {found} messages")


@asynccontextmanager
async def open_stage(
    url: str, figures: Figures, *, patience: float = PATIENCE
) -> AsyncIterator[Stage]:
    """Open the chat page at `url` as whoever it begins with; wait `patience` seconds at most."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        aiohttp.ClientSession(trust_env=False, timeout=timeout) as http,
        visit(url) as visitor,
    ):
        yield Stage(url=url, visitor=visitor, http=http, figures=figures, patience=patience)


def plain(text: str) -> str:
    """Return a message's text without the signs of bold, italics and code, and what is unseen."""
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", seen)


def says(text: str, fragment: str) -> bool:
    """Whether a message says this, at the beginning of a word or number: 20 is not in 120."""
    start = r"(?<![\w,.])" if fragment[:1].isalnum() else ""
    return re.search(f"{start}{re.escape(fragment)}", plain(text)) is not None


def used_of(shown: Shown) -> int:
    """Return how many licenses a message says are used; StoryError if it does not say."""
    found = re.search(r"([0-9,]+) of [0-9,]+ licenses? used", plain(shown.text))
    if found is None:
        raise StoryError(_missing("how many licenses are used on the message", shown.text))
    return int(found[1].replace(",", ""))


def cycle_of(shown: Shown) -> str:
    """Return the id of the cycle that a message is about; StoryError if it names none."""
    found = _CYCLE.search(shown.text)
    if found is None:
        raise StoryError(_missing("the id of a cycle on the message", shown.text))
    return found[0]


def _missing(what: str, seen: str) -> str:
    return f"Expected {what}." + (f" There was:\n{seen}" if seen else "")
