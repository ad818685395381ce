"""The vendor server is judged by others: Okta's own client library reads it, with strict models."""

import os
import re

import pytest
from joserfc.jwk import RSAKey

from tests.vendors.okta_org import STATUSES
from tests.vendors.okta_server import running_okta
from tests.vendors.okta_tokens import ServiceApp

okta_client = pytest.importorskip("okta.client", reason="the dev-vendors extra is not installed")
CLIENT_ID, KEY_ID = "0oaserviceapp000001", "key-of-the-tests"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library speak http to loopback, which it has a switch for."""
    monkeypatch.setitem(os.environ, "OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")


async def pages(call, *args: str, limit: int = 200) -> list[list]:
    """Follow the links as a user of the library does."""
    found, after = [], None
    while True:
        records, answer, error = await call(*args, limit=limit, after=after)
        assert error is None, error
        found.append(records)
        links = ", ".join(value for name, value in answer.headers.items() if name.lower() == "link")
        following = re.search(r'[?&]after=([^&>]*)[^>]*>; rel="next"', links)
        if following is None:
            return found
        after = following.group(1)


@pytest.mark.parametrize("dpop", [False, True])
async def test_oktas_own_client_pages_a_thousand_people_and_a_group_of_them(dpop):
    key = RSAKey.generate_key(2048)
    async with running_okta() as server:
        server.apps[CLIENT_ID] = ServiceApp(
            client_id=CLIENT_ID, keys={KEY_ID: key}, requires_dpop=dpop
        )
        people = server.org.add_people(1000)
        for status, one in zip(STATUSES[:-1], people, strict=False):
            server.org.set_status(one, status)
        group = server.org.add_group("Everybody", people[:450])
        config = {
            "orgUrl": server.url,
            "authorizationMode": "PrivateKey",
            "clientId": CLIENT_ID,
            "scopes": ["okta.users.read", "okta.groups.read"],
            "privateKey": key.as_pem(private=True).decode(),
            "kid": KEY_ID,
            "dpopEnabled": dpop,
        }
        async with okta_client.Client(config) as client:
            users = await pages(client.list_users)
            groups = await pages(client.list_groups)
            members = await pages(client.list_group_users, group)
            one, _, error = await client.get_user(people[5])

    assert error is None
    assert one.id == people[5]
    assert [len(page) for page in users] == [200] * 5
    assert [user.id for page in users for user in page] == people
    assert [one.profile.actual_instance.name for page in groups for one in page] == ["Everybody"]
    assert [user.id for page in members for user in page] == people[:450]
