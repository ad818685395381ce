"""The vendor server is judged by others: Google's own client, and its discovery document."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.providers.google.server import BATCH
from tests.vendors.google_schemas import OPEN, SCHEMAS
from tests.vendors.google_server import GoogleServer, running_google
from tests.vendors.google_tokens import ADMIN, SCOPES, key_file

googleapiclient = pytest.importorskip(
    "googleapiclient", reason="the dev-vendors extra is not installed"
)


def document() -> dict:
    """Return the discovery document that the library comes with."""
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return json.loads((folder / "admin.directory_v1.json").read_text())


def service(server: GoogleServer):
    from google.oauth2.service_account import Credentials  # noqa: PLC0415 - an extra
    from googleapiclient.discovery import build  # noqa: PLC0415 - an extra

    key = {**json.loads(key_file()), "token_uri": server.token_url}
    credentials = Credentials.from_service_account_info(
        key, scopes=list(SCOPES.values()), subject=ADMIN
    )
    return build(
        "admin",
        "directory_v1",
        credentials=credentials,
        client_options={"api_endpoint": server.url},
        static_discovery=True,
    )


def pages(resource, key: str, **asked: object) -> list[list[dict]]:
    """Follow the tokens as a user of the library does."""
    found, request = [], resource.list(**asked)
    while request is not None:
        answer = request.execute(num_retries=3)
        found.append(answer.get(key, []))
        request = resource.list_next(request, answer)
    return found


async def test_googles_own_client_pages_a_thousand_people_and_a_group_of_them():
    async with running_google() as server:
        customer = server.customer
        people = [customer.add_user(ADMIN), *customer.add_people(999)]
        customer.add_unit("/Sales")
        group = customer.add_group("Everybody", people[:450], everybody=True)
        customer.delete_user(people[-1])

        def read() -> tuple:
            with service(server) as api:
                return (
                    pages(api.users(), "users", customer="my_customer", maxResults=500),
                    pages(api.users(), "users", customer="my_customer", showDeleted="true"),
                    pages(api.groups(), "groups", customer="my_customer"),
                    pages(api.members(), "members", groupKey=group, maxResults=200),
                    api.users().get(userKey=people[5], projection="full").execute(),
                    api.orgunits().list(customerId="my_customer", type="all").execute(),
                )

        users, deleted, groups, members, one, units = await asyncio.to_thread(read)

    assert [len(page) for page in users] == [500, 499]
    assert [user["id"] for page in users for user in page] == people[:-1]
    assert [user["id"] for page in deleted for user in page] == people[-1:]
    assert [one["name"] for page in groups for one in page] == ["Everybody"]
    assert [len(page) for page in members] == [200, 200, 51]
    assert one["primaryEmail"] == "person4@example.com"
    assert [unit["orgUnitPath"] for unit in units["organizationUnits"]] == ["/Sales"]


async def test_googles_own_client_reads_members_in_a_batch_where_we_send_ours():
    async with running_google() as server:
        customer = server.customer
        people = [customer.add_user(ADMIN), *customer.add_people(9)]
        groups = [customer.add_group(f"Group {n}", people[:n]) for n in range(10)]
        found: dict[str, list[str]] = {}

        def keep(key: str, answer: dict, refused: Exception | None) -> None:
            assert refused is None
            found[key] = [one["id"] for one in answer.get("members", [])]

        def read() -> None:
            with service(server) as api:
                # Signed in already, or a batch does so over a connection that it leaves open.
                api.groups().list(customer="my_customer").execute()
                batch = api.new_batch_http_request(callback=keep)
                # The library takes the place of batches from its document, whatever the endpoint.
                batch._batch_uri = server.url + urlsplit(batch._batch_uri).path
                for group in groups:
                    batch.add(api.members().list(groupKey=group), request_id=group)
                batch.execute()

        await asyncio.to_thread(read)

    assert found == {group: people[:n] for n, group in enumerate(groups)}
    assert urlsplit(server.url).path + f"/{document()['batchPath']}" == BATCH
    assert server.batches == 1


def test_the_answers_fields_are_those_of_the_discovery_document():
    schemas = document()["schemas"]
    for name, fields in SCHEMAS.items():
        theirs = schemas[name]["properties"]
        assert fields.keys() <= theirs.keys(), name
        for field, kind in fields.items():
            assert told(theirs[field]) in {"any", shown(kind)}, f"{name}.{field}"


def shown(kind: str | list[str]) -> str:
    if isinstance(kind, list):
        return f"[{kind[0]}]"
    return "object" if kind in OPEN else kind


def told(field: dict) -> str:
    """Return a field's type as the document tells it."""
    if "$ref" in field:
        return field["$ref"]
    if field["type"] == "array":
        return f"[{told(field['items'])}]"
    return field["type"]


def test_the_parameters_and_scopes_that_the_provider_uses_are_documented():
    resources = document()["resources"]
    for resource, method, scope, used in (
        ("users", "list", "user", {"customer", "maxResults", "pageToken", "projection"}),
        ("users", "list", "user", {"customFieldMask", "showDeleted"}),
        ("users", "get", "user", {"userKey", "projection", "customFieldMask"}),
        ("groups", "list", "group", {"customer", "maxResults", "pageToken"}),
        ("groups", "get", "group", {"groupKey"}),
        ("members", "list", "group", {"groupKey", "maxResults", "pageToken"}),
        ("orgunits", "list", "orgunit", {"customerId", "type"}),
    ):
        found = resources[resource]["methods"][method]
        assert used <= found["parameters"].keys()
        assert SCOPES[scope] in found["scopes"]
    assert resources["users"]["methods"]["list"]["parameters"]["maxResults"]["maximum"] == "500"
    assert {"fields", "prettyPrint"} <= document()["parameters"].keys()
    assert not [
        name
        for name in resources["users"]["methods"]["list"]["parameters"]
        if "modified" in name.lower() or "since" in name.lower() or "token" in name.lower()
        if name != "pageToken"
    ]
