"""The demo's identity provider over HTTP: the SCIM server, and the page that changes it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from scim2_models import (
    EnterpriseUser,
    Error,
    Group,
    ListResponse,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    User,
)

from bot.demo.company import build, group_id
from bot.demo.directory import Directory
from bot.demo.directory_page import branches, directory_app
from bot.demo.happenings import ACTIONS, Condition
from bot.demo.scim import scim_app

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BEARER = {"Authorization": "Bearer right"}
TROUBLES = {
    "down": Condition.DOWN,
    "refuse": Condition.REFUSING,
    "half": Condition.HALF,
    "cut": Condition.CUT,
    "slow": Condition.SLOW,
    "wrong-token": Condition.WRONG_TOKEN,
}


@asynccontextmanager
async def provider(
    people: int = 120, **options
) -> AsyncIterator[tuple[Directory, httpx.AsyncClient]]:
    directory = Directory(build(people), delay=0.05)
    app = web.Application()
    app.add_subapp("/scim/v2", scim_app(directory, "right", **options))
    app.add_subapp("/directory", directory_app(directory))
    server = TestServer(app)
    await server.start_server()
    try:
        async with httpx.AsyncClient(
            base_url=str(server.make_url("/")), headers=BEARER, timeout=60
        ) as client:
            yield directory, client
    finally:
        await server.close()


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[Directory, httpx.AsyncClient]]:
    async with provider() as pair:
        yield pair


async def by_index(client: httpx.AsyncClient, kind: str, count: int) -> list[dict]:
    found, start = [], 1
    while True:
        query = {"startIndex": start, "count": count}
        body = (await client.get(f"/scim/v2/{kind}", params=query)).json()
        assert body["itemsPerPage"] == len(body["Resources"])
        assert body["startIndex"] == start
        found += body["Resources"]
        start += body["itemsPerPage"]
        if start > body["totalResults"] or not body["Resources"]:
            return found


async def by_cursor(client: httpx.AsyncClient, kind: str, count: int) -> list[dict]:
    found, cursor = [], ""
    while True:
        body = (
            await client.get(f"/scim/v2/{kind}", params={"cursor": cursor, "count": count})
        ).json()
        assert "startIndex" not in body
        found += body["Resources"]
        if "nextCursor" not in body:
            return found
        cursor = body["nextCursor"]


async def refused(client: httpx.AsyncClient, path: str, status: int, kind: str | None) -> None:
    answer = await client.get(f"/scim/v2{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/scim+json")
    error = Error.model_validate(answer.json())
    assert (error.status, error.scim_type) == (status, kind)


async def test_a_thousand_people_are_read_by_index_once_each():
    async with provider(1_000) as (directory, client):
        found = await by_index(client, "Users", 200)
        assert [resource["id"] for resource in found] == list(directory.people)
        assert len(found) == 1_002


async def test_a_thousand_people_are_read_by_cursor_once_each():
    async with provider(1_000, pagination="cursor") as (directory, client):
        found = await by_cursor(client, "Users", 150)
        assert [resource["id"] for resource in found] == list(directory.people)
        first = (await client.get("/scim/v2/Users")).json()
        assert "nextCursor" in first
        config = (await client.get("/scim/v2/ServiceProviderConfig")).json()
        assert config["pagination"]["defaultPaginationMethod"] == "cursor"


async def test_every_answer_is_valid_scim(served):
    _, client = served
    users = (await client.get("/scim/v2/Users")).json()
    listed = ListResponse[User[EnterpriseUser]].model_validate(users)
    assert listed.total_results == 122
    groups = (await client.get("/scim/v2/Groups")).json()
    assert ListResponse[Group].model_validate(groups).total_results == 25
    one = (await client.get(f"/scim/v2/Users/{users['Resources'][5]['id']}")).json()
    person = User[EnterpriseUser].model_validate(one)
    assert person[EnterpriseUser].department == one[ENTERPRISE]["department"]
    schemas = (await client.get("/scim/v2/Schemas")).json()
    assert ListResponse[Schema].model_validate(schemas).total_results == 3
    types = (await client.get("/scim/v2/ResourceTypes")).json()
    assert ListResponse[ResourceType].model_validate(types).total_results == 2
    config = (await client.get("/scim/v2/ServiceProviderConfig")).json()
    assert ServiceProviderConfig.model_validate(config).filter.max_results == 200


async def test_every_attribute_that_is_sent_is_announced_in_the_schemas(served):
    _, client = served
    schemas = (await client.get("/scim/v2/Schemas")).json()["Resources"]
    known = {schema["id"]: {a["name"] for a in schema["attributes"]} for schema in schemas}
    for resource in await by_index(client, "Users", 200):
        plain = resource.keys() - {"schemas", "id", "meta", ENTERPRISE}
        assert plain <= known["urn:ietf:params:scim:schemas:core:2.0:User"]
        assert resource[ENTERPRISE].keys() <= known[ENTERPRISE]


async def test_locations_and_members_lead_to_what_they_name(served):
    _, client = served
    group = (await client.get(f"/scim/v2/Groups/{group_id('Platform')}")).json()
    assert {member["type"] for member in group["members"]} == {"User", "Group"}
    for member in group["members"]:
        assert (await client.get(member["$ref"])).json()["id"] == member["value"]
    assert (await client.get(group["meta"]["location"])).json() == group


async def test_pages_are_never_larger_than_the_limit_and_a_count_of_zero_only_counts(served):
    _, client = served
    body = (await client.get("/scim/v2/Users?count=0")).json()
    assert (body["totalResults"], body["Resources"]) == (122, [])
    async with provider(30, page_limit=7) as (_, small):
        assert (await small.get("/scim/v2/Users?count=500")).json()["itemsPerPage"] == 7
    body = (await client.get("/scim/v2/Users?startIndex=-4&count=-1")).json()
    assert (body["startIndex"], body["itemsPerPage"]) == (1, 0)
    assert (await client.get("/scim/v2/Users?startIndex=9999")).json()["Resources"] == []


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/Users?startIndex=one", 400, "invalidValue"),
        ("/Users?startIndex=1.5", 400, "invalidValue"),
        ("/Users?count=many", 400, "invalidCount"),
        ("/Users?count=99999999999999999999", 400, "invalidCount"),
        ("/Users?cursor=&count=0", 400, "invalidCount"),
        ("/Users?cursor=&startIndex=1", 400, "invalidValue"),
        ("/Users?cursor=nonsense", 400, "invalidCursor"),
        ("/Users?cursor=%F0%9F%98%80", 400, "invalidCursor"),
        ("/Users?attributes=id&excludedAttributes=title", 400, "invalidValue"),
        ("/Users?filter=", 400, "invalidFilter"),
        ("/Users?filter=userName", 400, "invalidFilter"),
        ('/Users?filter=shoeSize eq "44"', 400, "invalidFilter"),
        ('/Users?filter=active eq "true"', 400, "invalidFilter"),
        ("/Users?filter=active gt true", 400, "invalidFilter"),
        ("/Users?filter=userName eq 5", 400, "invalidFilter"),
        ('/Users?filter=userName eq "a', 400, "invalidFilter"),
        ('/Users?filter=userName eq "a" or active eq true', 400, "invalidFilter"),
        ('/Users?filter=userName eq "a" and', 400, "invalidFilter"),
        ('/Users?filter=meta.lastModified gt "yesterday"', 400, "invalidFilter"),
        ("/Groups?filter=userName eq %22a%22", 400, "invalidFilter"),
        ("/ResourceTypes?filter=id eq %22User%22", 403, None),
        ("/Users/nobody", 404, None),
        ("/Groups/nothing", 404, None),
        ("/Schemas/urn:none", 404, None),
        ("/ResourceTypes/Shoe", 404, None),
        ("/Elsewhere", 404, None),
    ],
)
async def test_what_is_wrong_is_answered_with_a_scim_error(served, path, status, kind):
    _, client = served
    await refused(client, path, status, kind)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_writing_is_refused(served, method):
    directory, client = served
    key = next(iter(directory.people))
    answer = await client.request(method, f"/scim/v2/Users/{key}", json={})
    assert Error.model_validate(answer.json()).status == answer.status_code == 405


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer righty", "Basic right", "right"])
async def test_a_wrong_token_is_refused_everywhere(served, header):
    _, client = served
    for path in ("/Users", "/Groups", "/Schemas", "/ServiceProviderConfig", "/Users/x"):
        answer = await client.get(f"/scim/v2{path}", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert Error.model_validate(answer.json()).status == 401


async def test_the_schemes_name_may_be_written_in_any_case(served):
    _, client = served
    answer = await client.get("/scim/v2/Users", headers={"Authorization": "bearer right"})
    assert answer.status_code == 200


async def test_a_cursor_of_one_listing_is_refused_in_another(served):
    _, client = served
    cursor = (await client.get("/scim/v2/Users?cursor=&count=5")).json()["nextCursor"]
    await refused(client, f"/Groups?cursor={cursor}", 400, "invalidCursor")
    await refused(client, f"/Users?filter=active eq true&cursor={cursor}", 400, "invalidCursor")


async def test_filters_find_people(served):
    directory, client = served
    someone = list(directory.people.values())[7].person

    async def found(text: str, kind: str = "Users") -> int:
        answer = await client.get(f"/scim/v2/{kind}", params={"filter": text})
        return answer.json()["totalResults"]

    assert await found(f'userName eq "{someone.user_name.upper()}"') == 1
    assert await found(f'id eq "{someone.id}"') == 1
    assert await found(f'id eq "{someone.id.upper()}"') == 0
    assert await found('emails.value eq "s.okonjo@example.com"') == 2
    assert await found("active eq true") == 122
    assert await found('active eq true and userName sw "siobhan"') == 1
    assert await found(f'{ENTERPRISE}:department eq "legal"') == 14
    assert await found('displayName eq "Engineering"', "Groups") == 1
    directory.do("disable", 2)
    assert await found("active eq false") == 2


async def test_what_changed_after_a_time_is_found_by_its_last_change(served):
    directory, client = served
    newest = max(record.modified for record in directory.people.values())
    directory.do("rename", 2)
    query = {"filter": f'meta.lastModified gt "{newest.isoformat()}"'}
    body = (await client.get("/scim/v2/Users", params=query)).json()
    assert body["totalResults"] == 2
    assert {resource["meta"]["version"] for resource in body["Resources"]} == {'W/"2"'}


async def test_attributes_choose_what_is_sent(served):
    _, client = served

    async def first(**query: str) -> dict:
        return (await client.get("/scim/v2/Users?count=2", params=query)).json()["Resources"][1]

    chosen = await first(attributes=f"userName,NAME.familyname,{ENTERPRISE}:department")
    assert chosen.keys() == {"schemas", "id", "userName", "name", ENTERPRISE}
    assert chosen["name"].keys() == {"familyName"}
    assert chosen[ENTERPRISE].keys() == {"department"}
    rest = await first(excludedAttributes=f"id,emails,meta.created,{ENTERPRISE}:manager.value")
    assert "emails" not in rest
    assert {"id", "title", "meta"} <= rest.keys()
    assert "created" not in rest["meta"]
    assert rest[ENTERPRISE]["manager"].keys() == {"$ref"}
    assert (await first(attributes=ENTERPRISE))[ENTERPRISE].keys() >= {"department", "manager"}


async def test_a_version_that_is_known_already_is_not_sent_again(served):
    directory, client = served
    directory.do("rename")
    (key,) = [k for k, record in directory.people.items() if record.version == 2]
    answer = await client.get(f"/scim/v2/Users/{key}")
    assert answer.headers["etag"] == answer.json()["meta"]["version"] == 'W/"2"'
    known = {"If-None-Match": 'W/"2"'}
    assert (await client.get(f"/scim/v2/Users/{key}", headers=known)).status_code == 304
    directory.do("undo")
    assert (await client.get(f"/scim/v2/Users/{key}", headers=known)).status_code == 200


async def test_a_provider_that_is_down_answers_503_until_it_is_back_to_normal(served):
    directory, client = served
    directory.do("down")
    await refused(client, "/Users", 503, None)
    await refused(client, "/ServiceProviderConfig", 503, None)
    directory.do("normal")
    assert (await client.get("/scim/v2/Users")).status_code == 200


async def test_a_provider_that_refuses_breaks_the_connection(served):
    directory, client = served
    directory.do("refuse")
    with pytest.raises(httpx.TransportError):
        await client.get("/scim/v2/Users")


@pytest.mark.parametrize("read", [by_index, by_cursor])
async def test_half_a_listing_announces_everybody_and_sends_half(served, read):
    directory, client = served
    directory.do("half")
    assert (await client.get("/scim/v2/Users?count=1")).json()["totalResults"] == 122
    assert len(await read(client, "Users", 50)) == 61


async def test_an_answer_is_cut_off_in_the_second_half_of_the_listing(served):
    directory, client = served
    directory.do("cut")
    assert (await client.get("/scim/v2/Users?count=50")).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/scim/v2/Users?count=50&startIndex=51")


async def test_a_slow_provider_takes_its_time_and_answers_right(served):
    directory, client = served
    directory.do("slow")
    answer = await client.get("/scim/v2/Users")
    assert answer.elapsed.total_seconds() >= 0.04
    assert answer.json()["totalResults"] == 122


async def test_the_right_token_is_refused_while_the_provider_does_not_know_it(served):
    directory, client = served
    directory.do("wrong-token")
    await refused(client, "/Users", 401, None)


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
async def test_every_button_of_the_page_does_what_it_says_and_leads_back_to_the_page(
    served, action
):
    directory, client = served
    before = (await client.get("/directory/")).text
    assert '<a href="/directory/" aria-current="page">' in before
    assert f'action="/directory/do/{action}"' in before
    answer = await client.post(f"/directory/do/{action}", data={})
    assert (answer.status_code, answer.headers["location"]) == (303, "/directory/")
    after = (await client.get("/directory/")).text
    assert directory.journal[0].action == action
    assert "Now type /dirsync sync in the chat." in after
    assert directory.condition is TROUBLES.get(action, Condition.NORMAL)


async def test_the_json_door_tells_what_happened_and_the_figures(served):
    _, client = served
    answer = await client.post("/directory/do/joiners", json={"n": 4})
    body = answer.json()
    assert body["text"].startswith("4 people joined")
    assert (body["people"], body["active"], body["departed"]) == (126, 126, 0)
    assert (await client.post("/directory/do/leavers", json={})).json()["departed"] == 3


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("joiners", '{"n": 0}', 400),
        ("joiners", '{"n": "x"}', 400),
        ("joiners", '{"m": 1}', 400),
        ("joiners", "[", 400),
        ("joiners", b"\xff", 400),
        ("explode", "{}", 404),
    ],
)
async def test_a_wrong_order_is_refused_in_words(served, name, body, status):
    directory, client = served
    header = {"Content-Type": "application/json"}
    answer = await client.post(f"/directory/do/{name}", content=body, headers=header)
    assert answer.status_code == status
    assert answer.json()["error"]
    form = await client.post(f"/directory/do/{name}", data={"n": "-3"})
    assert form.status_code == 400
    assert "Nothing was done" in form.text
    assert directory.journal == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
async def test_what_another_sites_page_posts_is_refused(served, headers):
    directory, client = served
    for body in ({"data": {}}, {"json": {}}):
        answer = await client.post("/directory/do/everybody-gone", headers=headers, **body)
        assert answer.status_code == 403
    assert len(directory.people) == 122


async def test_what_the_page_itself_posts_is_accepted(served):
    directory, client = served
    origin = str(client.base_url).rstrip("/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    answer = await client.post("/directory/do/everybody-gone", headers=headers, data={})
    assert answer.status_code == 303
    assert len(directory.people) == 0
    assert "The directory is empty." in (await client.get("/directory/")).text


async def test_the_page_shows_people_by_sheets_and_finds_them(served):
    _, client = served
    page = (await client.get("/directory/")).text
    assert page.count('<th scope="row">') == 100
    assert "Page 1 of 2" in page
    assert (await client.get("/directory/?page=2")).text.count('<th scope="row">') == 22
    assert (await client.get("/directory/?page=zz")).status_code == 200
    found = (await client.get("/directory/", params={"q": "o'brien legal"})).text
    assert "Nobody is found" in found
    found = (await client.get("/directory/", params={"q": "O'BRIEN"})).text
    assert found.count('<th scope="row">') == 1
    assert "Siobhán O&#39;Brien" in found


async def test_nothing_of_the_directory_or_the_search_is_live_on_the_page(served):
    _, client = served
    page = (await client.get("/directory/", params={"q": "<script>alert(1)</script>"})).text
    assert "<script>alert" not in page
    whole = (await client.get("/directory/?q=channel")).text
    assert "&lt;!channel&gt;" in whole
    assert "<!channel>" not in whole
    page = await client.get("/directory/")
    policy = page.headers["content-security-policy"]
    (nonce,) = re.findall(r'theme-boot.js" nonce="([^"]+)"', page.text)
    assert f"script-src 'nonce-{nonce}'" in policy
    assert "default-src 'none'" in policy


async def test_the_address_without_its_slash_leads_to_the_page(served):
    _, client = served
    answer = await client.get("/directory")
    assert (answer.status_code, answer.headers["location"]) == (308, "/directory/")


def test_the_groups_are_shown_nested_and_a_cycle_ends():
    (everyone, *others) = branches(Directory(build(120)))
    assert everyone.name == "Everyone"
    assert everyone.reached == 122
    assert {branch.name for branch in others} == {"Managers", "Chess & Book Club"}
    trail, branch = [], everyone
    for name in ("Engineering", "Platform", "Site Reliability", "On Call", "Site Reliability"):
        (branch,) = [child for child in branch.below if child.name == name]
        trail.append(branch.again)
    assert trail == [False, False, False, False, True]
    assert branch.below == ()
