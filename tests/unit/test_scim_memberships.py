"""Asking a SCIM server whose groups somebody is in, where its filter can be trusted."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from itertools import groupby
from urllib.parse import parse_qs, urlsplit

import pytest

from core.http.limits import HttpLimits
from core.model.configuration import ScimSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.membership import found_of
from tests.support.scripted_http import Asked, Says, scripted

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
NOT_FOUND = Says(status=404, body=b'{"schemas": [], "status": "404"}')
GROUPS = {
    "g-crew": ("Crew", ["ann", "g-inner"]),
    "g-inner": ("Inner", ["bob", "g-crew"]),
    "g-other": ("Other", ["cat"]),
}
IN_IT = re.compile(r'members\.value eq "([^"]*)"')
Filter = Callable[[list[str]], list[str] | Says]


def says(document: object, status: int = 200) -> Says:
    return Says(status=status, body=json.dumps(document).encode())


def rightly(wanted: list[str]) -> list[str]:
    return [key for key, (_, members) in GROUPS.items() if set(wanted) & set(members)]


class Server:
    """Three groups, whose filter answers as told."""

    def __init__(self, filters: Filter, *, show_members: bool = True) -> None:
        self.filters = filters
        self.show_members = show_members
        self.filtered: list[list[str]] = []
        self.members_shown = 0
        self.singly = 0

    def answer(self, asked: Asked) -> Says:
        parts = urlsplit(asked.target)
        if parts.path.startswith("/Groups/g-"):
            self.singly += 1
            return says(self._record(parts.path.removeprefix("/Groups/"), members=True))
        if parts.path != "/Groups":
            return NOT_FOUND
        given = {key: value[0] for key, value in parse_qs(parts.query).items()}
        keys: list[str] | Says = list(GROUPS)
        if "filter" in given:
            wanted = IN_IT.findall(given["filter"])
            assert given["filter"] == " or ".join(f'members.value eq "{one}"' for one in wanted)
            self.filtered.append(wanted)
            keys = self.filters(wanted)
            if isinstance(keys, Says):
                return keys
        wants_members = "members" in given.get("attributes", "members").split(",")
        self.members_shown += wants_members
        found = [self._record(key, members=wants_members and self.show_members) for key in keys]
        start, count = int(given["startIndex"]), int(given["count"])
        part = found[start - 1 : start - 1 + count]
        return says(
            {"schemas": [LIST], "totalResults": len(found), "startIndex": start, "Resources": part}
        )

    def _record(self, key: str, *, members: bool) -> dict:
        name, held = GROUPS[key]
        shown = {"members": [{"value": one} for one in held]} if members else {}
        return {"id": key, "displayName": name, **shown}


@asynccontextmanager
async def provider_of(server: Server) -> AsyncIterator[IdentityProvider]:
    async with scripted(script=server.answer) as running:
        context = ProviderContext(
            clock=WallClock(),
            allow_networks=(ip_network("127.0.0.0/8"),),
            environ={"DIRSYNC_CREDENTIAL_T": "token"},
            limits=HttpLimits(attempts=2, retry_wait=0.01, retry_wait_max=0.02),
        )
        settings = ScimSettings(url=running.url(), token="env:DIRSYNC_CREDENTIAL_T", page_size=2)
        provider = await open_provider(settings, context=context)
        try:
            yield provider
        finally:
            await provider.aclose()


async def test_somebody_in_a_nested_group_is_found_by_a_filter_that_was_tried():
    server = Server(rightly)
    async with provider_of(server) as provider:
        found = await found_of(provider, "bob", "Crew")

    assert (found.holders, found.proven, found.note) == (("Crew",), True, "")
    assert server.members_shown == 0
    (nobody,), *asked = server.filtered
    assert nobody not in {"ann", "bob", "cat"}, "somebody made up, first"
    assert asked == [["bob"], ["g-inner"]]


async def test_a_no_is_read_in_the_groups_that_matter():
    server = Server(rightly)
    async with provider_of(server) as provider:
        found = await found_of(provider, "cat", "Crew")

    assert (found.holders, found.proven) == ((), True)
    assert found.note == "the members of 2 groups were read for it"
    assert server.singly == 2


async def test_the_groups_on_the_way_are_asked_about_together(monkeypatch):
    for number in range(30):
        monkeypatch.setitem(GROUPS, f"g-{number:02d}", (f"G{number}", ["dan"]))
    monkeypatch.setitem(GROUPS, "g-top", ("Top", ["g-29"]))
    server = Server(rightly)
    async with provider_of(server) as provider:
        found = await found_of(provider, "dan", "Top")

    assert found.holders == ("Top",)
    questions = [len(one) for one, _ in groupby(server.filtered)]
    assert questions == [1, 1, 20, 10], "nobody, the person, and their groups"


@pytest.mark.parametrize(
    "filters",
    [
        lambda _: list(GROUPS),
        lambda _: [],
        lambda _: says({"status": "400", "scimType": "invalidFilter"}, status=400),
        lambda _: says({"status": "403"}, status=403),
        lambda _: says({"status": "501"}, status=501),
        lambda _: says({"status": "503"}, status=503),
        lambda _: says({"schemas": [LIST], "totalResults": 2, "Resources": []}),
    ],
    ids=["ignores it", "finds none ever", "refuses it", "forbids it", "lacks it", "busy", "odd"],
)
@pytest.mark.parametrize(("person", "held"), [("bob", ("Crew",)), ("cat", ())])
async def test_a_server_that_cannot_filter_has_all_groups_read(filters, person, held):
    async with provider_of(Server(filters)) as provider:
        found = await found_of(provider, person, "Crew")

    assert (found.holders, found.proven) == (held, True)
    assert "were read for it" in found.note


async def test_a_server_that_hides_members_proves_nobody_out_of_a_group_and_some_in_it():
    server = Server(rightly, show_members=False)
    async with provider_of(server) as provider:
        inside = await found_of(provider, "ann", "Crew")
        outside = await found_of(provider, "cat", "Crew")

    assert (inside.holders, inside.proven) == (("Crew",), True)
    assert (outside.holders, outside.proven) == ((), False)
