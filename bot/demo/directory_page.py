"""The identity provider's page: who is in the directory, and buttons that change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import msgspec
from aiohttp import web

from bot.demo.company import COMPANY_NAME, Person
from bot.demo.directory import Directory
from bot.demo.happenings import ACTIONS, Condition, Happening
from bot.demo.html_pages import own_origin_only, page, sheet_of
from core.errors import DirsyncError, NotFoundError, UsageError

_PEOPLE_A_SHEET = 100
_TOLD = 8

_CONDITIONS = {
    Condition.NORMAL: "answers normally",
    Condition.DOWN: "is down",
    Condition.REFUSING: "breaks every connection",
    Condition.HALF: "lists only half of the people",
    Condition.CUT: "breaks off in the middle of the listing",
    Condition.SLOW: "is slow",
    Condition.WRONG_TOKEN: "refuses the token",
}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A group on the page with the groups below it.

    Attributes:
        people: how many belong to it directly.
        reached: how many distinct people belong to it or to any group below.
        again: the group contains itself by way of others, and is shown further up.
    """

    name: str
    people: int
    reached: int
    again: bool
    below: tuple[Branch, ...]


def directory_app(directory: Directory) -> web.Application:
    """The page as an application, to be mounted at ``/directory``.

    ``POST do/{name}`` lets an action happen: a form is answered with a redirect to the page,
    JSON (``{}`` or ``{"n": 3}``) with what happened and the figures after it.
    """
    site = _Site(directory)
    app = web.Application(middlewares=[own_origin_only])
    app.add_routes(
        [
            web.get("", _to_the_page),
            web.get("/", site.show, name="page"),
            web.post("/do/{name}", site.do),
        ]
    )
    return app


async def _to_the_page(request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(request.app.router["page"].url_for())


class _Site:
    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def show(self, request: web.Request) -> web.Response:
        query = request.query.get("q", "").strip()
        people = _search(self._directory, query)
        return page(
            "directory.html",
            company=COMPANY_NAME,
            figures=_figures(self._directory),
            condition=self._directory.condition,
            condition_text=_CONDITIONS[self._directory.condition],
            journal=self._directory.journal[:_TOLD],
            headings=[(h, list(found)) for h, found in groupby(ACTIONS, lambda a: a.heading)],
            query=query,
            sheet=sheet_of(people, request.query.get("page", "1"), size=_PEOPLE_A_SHEET),
            managers={key: r.person.display_name for key, r in self._directory.people.items()},
            branches=branches(self._directory),
        )

    async def do(self, request: web.Request) -> web.Response:
        as_json = request.content_type == "application/json"
        try:
            number = await (_json_number(request) if as_json else _form_number(request))
            happening = self._directory.do(request.match_info["name"], number)
        except (NotFoundError, UsageError) as error:
            return self._refused(error, as_json=as_json)
        if as_json:
            return _json(_told(happening) | _figures(self._directory))
        raise web.HTTPSeeOther(request.app.router["page"].url_for())

    def _refused(self, error: DirsyncError, *, as_json: bool) -> web.Response:
        status = 404 if isinstance(error, NotFoundError) else 400
        if as_json:
            return _json({"error": str(error)}, status=status)
        return page("refused.html", status=status, text=str(error))


def _figures(directory: Directory) -> dict[str, object]:
    return {
        "people": len(directory.people),
        "active": directory.active,
        "groups": len(directory.groups),
        "departed": directory.departed,
        "condition": str(directory.condition),
    }


def _told(happening: Happening) -> dict[str, object]:
    return {"action": happening.action, "text": happening.text, "next": happening.next_step}


def _json(body: Mapping[str, object], *, status: int = 200) -> web.Response:
    encoded = msgspec.json.encode(body)
    return web.Response(body=encoded, status=status, content_type="application/json")


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    n: int | None = None


async def _json_number(request: web.Request) -> int | None:
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=_Order).n
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f'The body has to look like {{}} or {{"n": 3}}: {error}.') from error


async def _form_number(request: web.Request) -> int | None:
    text = (await request.post()).get("n", "")
    if not isinstance(text, str) or not ((text.isascii() and text.isdigit()) or not text):
        raise UsageError("The number has to be written in digits.")
    return int(text[:9]) if text else None


def _search(directory: Directory, query: str) -> list[Person]:
    wanted = query.casefold().split()
    people = (record.person for record in directory.people.values())
    return [p for p in people if all(word in _words(p) for word in wanted)]


def _words(person: Person) -> str:
    shown = (
        person.display_name,
        person.given_name,
        person.family_name,
        person.email,
        person.title,
        person.department,
    )
    return " ".join(shown).casefold()


def branches(directory: Directory) -> tuple[Branch, ...]:
    """The groups as a forest: those that no other group contains, with all below them."""
    contained = {child for r in directory.groups.values() for child in r.group.groups}
    return tuple(
        _branch(directory, key, above=()) for key in directory.groups if key not in contained
    )


def _branch(directory: Directory, key: str, *, above: tuple[str, ...]) -> Branch:
    group = directory.groups[key].group
    again = key in above
    below = () if again else group.groups
    return Branch(
        name=group.display_name,
        people=len(group.people),
        reached=len(set(_reached(directory, key, set()))),
        again=again,
        below=tuple(_branch(directory, child, above=(*above, key)) for child in below),
    )


def _reached(directory: Directory, key: str, seen: set[str]) -> Iterator[str]:
    if key in seen:
        return
    seen.add(key)
    group = directory.groups[key].group
    yield from group.people
    for child in group.groups:
        yield from _reached(directory, child, seen)
