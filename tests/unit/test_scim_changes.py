"""SCIM deltas: a server that filters by time wrongly is found out, and has none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import WatermarkExpiredError
from core.model.configuration import ScimSettings
from core.model.directory import ChangePage
from core.providers.context import ProviderContext
from core.providers.scim.provider import ScimProvider
from tests.support.clocks import WallClock
from tests.support.scripted_http import Asked, Says, scripted

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
Matches = Callable[[datetime, datetime], bool]


class Server:
    """Three people who were changed a day after each other, and how their server filters."""

    def __init__(self) -> None:
        self.changed = {f"u{n}": NOW - timedelta(days=n) for n in (1, 2, 3)}
        self.matches: Matches = lambda changed, since: changed > since
        self.refuses = self.hides = self.dateless = False
        self.stamp: Callable[[datetime], str] = datetime.isoformat

    def answer(self, asked: Asked) -> Says:
        parts = urlsplit(asked.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {"Content-Type": "application/scim+json"}
        if not self.dateless:
            headers["Date"] = format_datetime(NOW, usegmt=True)
        if not parts.path.endswith("/Users"):
            return Says(status=404, headers=headers, body=b'{"status":"404"}')
        found = list(self.changed.items())
        if "filter" in query:
            if self.refuses:
                return Says(status=400, headers=headers, body=b'{"status":"400"}')
            since = datetime.fromisoformat(query["filter"].split('"')[1])
            found = [(name, at) for name, at in found if self.matches(at, since)]
        start, count = int(query["startIndex"]) - 1, int(query["count"])
        page = [self._record(name, at) for name, at in found[start : start + count]]
        body = {"schemas": [LIST], "totalResults": len(found), "Resources": page}
        return Says(headers=headers, body=json.dumps(body).encode())

    def _record(self, name: str, at: datetime) -> dict[str, object]:
        meta = {} if self.hides else {"meta": {"lastModified": self.stamp(at)}}
        return {"id": name, "userName": name, **meta}


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[ScimProvider]:
    async with scripted(script=server.answer) as running:
        context = ProviderContext(
            clock=WallClock(),
            allow_networks=(ip_network("127.0.0.0/8"),),
            environ={"DIRSYNC_CREDENTIAL_T": "t"},
        )
        settings = ScimSettings(
            url=running.url("/scim"), token="env:DIRSYNC_CREDENTIAL_T", groups=False
        )
        provider = await ScimProvider.open(settings, context=context)
        try:
            yield provider
        finally:
            await provider.aclose()


async def changes(provider: ScimProvider, since: str) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


async def test_one_that_filters_rightly_has_deltas_and_says_how_many_people_there_are():
    server = Server()
    async with serving(server) as provider:
        mark = await provider.watermark()
        server.changed |= {"u2": NOW, "u9": NOW}
        pages = await changes(provider, mark)
        ids = [provider.identify(raw) for page in pages for raw in page.records]
        assert ids == ["u2", "u9"]
        assert [page.last for page in pages] == [False, True]
        assert (pages[-1].total, pages[-1].watermark) == (4, mark)


def hidden(server: Server) -> None:
    server.hides = True


def refused(server: Server) -> None:
    server.refuses = True


def ignored(server: Server) -> None:
    server.matches = lambda _, __: True


def never(server: Server) -> None:
    server.matches = lambda _, __: False


def backwards(server: Server) -> None:
    server.matches = lambda changed, since: changed < since


def by_day(server: Server) -> None:
    server.matches = lambda changed, since: changed.date() >= since.date()


def as_text(server: Server) -> None:
    """Compare texts of which one is in another zone."""
    west = timedelta(hours=-9)
    server.stamp = lambda at: (at + west).isoformat().replace("+00:00", "-09:00")
    server.matches = lambda changed, since: server.stamp(changed) > since.isoformat()


def without_zone(server: Server) -> None:
    server.stamp = lambda at: at.replace(tzinfo=None).isoformat()


def without_date(server: Server) -> None:
    server.dateless = True


WRONG = [hidden, refused, ignored, never, backwards, by_day, as_text, without_zone, without_date]


@pytest.mark.parametrize("bend", WRONG)
async def test_one_that_does_not_has_no_watermark(bend):
    server = Server()
    bend(server)
    async with serving(server) as provider:
        assert await provider.watermark() is None


@pytest.mark.parametrize("bend", [refused, ignored, backwards])
async def test_one_that_stops_to_filter_asks_for_a_full_read(bend):
    server = Server()
    async with serving(server) as provider:
        mark = await provider.watermark()
        bend(server)
        with pytest.raises(WatermarkExpiredError, match="does not filter"):
            await changes(provider, mark)


async def test_an_empty_directory_has_no_watermark():
    server = Server()
    server.changed = {}
    async with serving(server) as provider:
        assert await provider.watermark() is None
