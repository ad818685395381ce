"""The mailbox page: the mails that the demo's folder mailer has delivered, newest first."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web

from bot.demo.acceptances import accept_all
from bot.demo.eml import Envelope, read_envelope, read_letter
from bot.demo.html_pages import COMMON_HEADERS, Sheet, own_origin_only, page, sheet_of

_MAILS_A_SHEET = 50
_SOME = 10
_HEAD_BYTES = 16_384
_LARGEST = 10_000_000
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_FOREIGN_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    f"form-action 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
)
_UNREADABLE = Envelope(to="(unknown)", subject="(this mail cannot be read)")


@dataclass(frozen=True, kw_only=True)
class _File:
    name: str
    size: int
    modified: int  # nanoseconds since the epoch


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A line of the mailbox; ``name`` is the file's name, ``at`` the time of delivery in UTC."""

    name: str
    to: str
    subject: str
    at: datetime


class Mailbox:
    """A folder of ``.eml`` files, one mail each. Its methods read files: call them off the loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._envelopes: dict[_File, Envelope] = {}

    def sheet(self, query: str, asked: str) -> tuple[Sheet[Mail], str]:
        """One sheet of the mails that match, and a stamp that changes when the list does."""
        files = self._files()
        known = set(files)
        self._envelopes = {f: e for f, e in self._envelopes.items() if f in known}
        wanted = query.casefold().split()
        found = [file for file in files if self._matches(file, wanted)] if wanted else files
        sheet = sheet_of(found, asked, size=_MAILS_A_SHEET)
        newest = found[0] if found else None
        stamp = f"{len(found)} {newest.modified if newest else 0}"
        lines = [self._mail(file) for file in sheet.items]
        return Sheet(
            items=lines, number=sheet.number, sheets=sheet.sheets, total=sheet.total
        ), stamp

    def content(self, name: str) -> bytes | None:
        """The bytes of the mail of this name, at most 10 MB, or None when there is none."""
        if name not in {file.name for file in self._files()}:
            return None
        return self._read(name, _LARGEST)

    def invitations(self) -> list[str]:
        """The links of invitations in all mails, oldest mail first, each once."""
        found: list[str] = []
        for file in reversed(self._files()):
            letter = read_letter(self._read(file.name, _LARGEST) or b"")
            found += [p.text for p in letter.text_parts if p.link and "/invitations/" in p.text]
        return list(dict.fromkeys(found))

    def _files(self) -> list[_File]:
        try:
            with os.scandir(self._folder) as entries:
                files = [file for entry in entries if (file := _file(entry)) is not None]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []
        return sorted(files, key=lambda file: (file.modified, file.name), reverse=True)

    def _matches(self, file: _File, wanted: list[str]) -> bool:
        envelope = self._envelope(file)
        text = f"{envelope.to} {envelope.subject}".casefold()
        return all(word in text for word in wanted)

    def _mail(self, file: _File) -> Mail:
        envelope = self._envelope(file)
        at = datetime.fromtimestamp(file.modified / 1e9, UTC)
        return Mail(name=file.name, to=envelope.to, subject=envelope.subject, at=at)

    def _envelope(self, file: _File) -> Envelope:
        known = self._envelopes.get(file)
        if known is None:
            head = self._read(file.name, _HEAD_BYTES)
            known = _UNREADABLE if head is None else read_envelope(head)
            self._envelopes[file] = known
        return known

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(most)
        except OSError:
            return None


def _file(entry: os.DirEntry[str]) -> _File | None:
    """The mail behind an entry of the folder; links, folders and unfinished files are none."""
    if not entry.name.endswith(".eml") or entry.name.startswith("."):
        return None
    try:
        entry.name.encode()
        if not entry.is_file(follow_symlinks=False):
            return None
        status = entry.stat(follow_symlinks=False)
    except (OSError, UnicodeEncodeError):
        return None
    return _File(name=entry.name, size=status.st_size, modified=status.st_mtime_ns)


def mailbox_app(folder: Path) -> web.Application:
    """The mailbox as an application, to be mounted at ``/mail``.

    ``/mail/`` lists, ``/mail/{name}`` shows a mail, ``/mail/{name}/html`` its formatted text
    for a sandboxed frame, ``/mail/{name}/source`` the file. ``/mail/`` answers with JSON,
    ``{"total": …, "mails": […]}``, when that is what is accepted. ``/mail/invitations`` gives the
    links of all invitations, and ``POST /mail/accept`` lets some people or everybody accept. The
    folder may appear later.
    """
    site = _Site(Mailbox(folder))
    app = web.Application(middlewares=[own_origin_only])
    app.add_routes(
        [
            web.get("", _to_the_list),
            web.get("/", site.show_list, name="list"),
            web.get("/invitations", site.list_invitations),
            web.post("/accept", site.accept),
            web.get("/{name}", site.show_letter),
            web.get("/{name}/html", site.show_html),
            web.get("/{name}/source", site.show_source),
        ]
    )
    return app


async def _to_the_list(request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(request.app.router["list"].url_for())


class _Site:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._turn = asyncio.Lock()
        self._accepted: set[str] = set()

    async def show_list(self, request: web.Request) -> web.Response:
        query = request.query.get("q", "").strip()
        asked = request.query.get("page", "1")
        async with self._turn:
            sheet, stamp = await asyncio.to_thread(self._mailbox.sheet, query, asked)
        if request.headers.get("Accept") == "application/json":
            body = msgspec.json.encode({"total": sheet.total, "mails": sheet.items})
            return web.Response(body=body, content_type="application/json")
        return page("mailbox.html", sheet=sheet, stamp=stamp, query=query)

    async def list_invitations(self, request: web.Request) -> web.Response:
        del request
        async with self._turn:
            links = await asyncio.to_thread(self._mailbox.invitations)
        body = msgspec.json.encode({"links": links})
        return web.Response(body=body, content_type="application/json")

    async def accept(self, request: web.Request) -> web.Response:
        """Let the first people who have not done so accept, or everybody."""
        count = _SOME if (await request.post()).get("who") == "some" else None
        async with self._turn:
            links = await asyncio.to_thread(self._mailbox.invitations)
        here = f"{request.url.origin()}/invitations/"
        ours = (link for link in links if link.startswith(here))
        left = [link for link in ours if link not in self._accepted][:count]
        async with aiohttp.ClientSession(trust_env=False) as http:
            told = await accept_all(http, left)
        self._accepted.update(left)
        return page("accepted.html", told=told, people=len(left))

    async def show_letter(self, request: web.Request) -> web.Response:
        content = await self._content(request)
        name = request.match_info["name"]
        letter = await asyncio.to_thread(read_letter, content)
        return page("mail.html", letter=letter, name=name)

    async def show_html(self, request: web.Request) -> web.Response:
        content = await self._content(request)
        letter = await asyncio.to_thread(read_letter, content)
        text = f'<base target="_blank">{letter.html}'.encode("utf-8", "replace")
        headers = {**COMMON_HEADERS, "Content-Security-Policy": _FOREIGN_POLICY}
        headers["Referrer-Policy"] = "no-referrer"
        return web.Response(body=text, content_type="text/html", charset="utf-8", headers=headers)

    async def show_source(self, request: web.Request) -> web.Response:
        content = await self._content(request)
        policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
        return web.Response(
            body=content,
            content_type="text/plain",
            charset="utf-8",
            headers={**COMMON_HEADERS, **policy},
        )

    async def _content(self, request: web.Request) -> bytes:
        content = await asyncio.to_thread(self._mailbox.content, request.match_info["name"])
        if content is None:
            raise web.HTTPNotFound(text="There is no such mail.")
        return content
