"""Microsoft's own SDK reads the tenant that we test with, and finds nothing in it unknown.

Its models are generated from Graph's published metadata: a property that the metadata does not
have would land in ``additional_data``, and a value of another type would not be parsed.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.entra_world import EntraWorld, entra_world
from tests.vendors.entra_tokens import CLIENT_ID, SCOPE, SECRET

pytest.importorskip("msgraph")

# What the SDK does with its own past is not ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SELECT = [
    "id",
    "accountEnabled",
    "businessPhones",
    "department",
    "displayName",
    "employeeId",
    "employeeOrgData",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "onPremisesExtensionAttributes",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "userType",
]


class StaticToken:
    """The token provider that the SDK asks."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_authorization_token(self, uri: str, additional: object = None) -> str:
        return self._token

    def get_allowed_hosts_validator(self):
        from kiota_abstractions.authentication import AllowedHostsValidator  # noqa: PLC0415

        return AllowedHostsValidator([])


@pytest.fixture
def world():
    with entra_world() as running:
        yield running


@pytest.fixture
async def client(world: EntraWorld) -> AsyncIterator:
    from kiota_abstractions.authentication import (  # noqa: PLC0415
        BaseBearerTokenAuthenticationProvider,
    )
    from msgraph import GraphRequestAdapter, GraphServiceClient  # noqa: PLC0415

    form = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "grant_type": "client_credentials",
        "scope": SCOPE,
    }
    _, answer = world.server.signin.answer(f"/{world.tenant.id}/oauth2/v2.0/token", form)
    provider = BaseBearerTokenAuthenticationProvider(StaticToken(str(answer["access_token"])))
    async with httpx.AsyncClient() as http:
        adapter = GraphRequestAdapter(provider, client=http)
        adapter.base_url = world.server.url
        yield GraphServiceClient(request_adapter=adapter)


def configuration(builder, **query):
    from kiota_abstractions.base_request_configuration import (  # noqa: PLC0415
        RequestConfiguration,
    )

    parameters = next(
        getattr(builder, name) for name in dir(builder) if name.endswith("GetQueryParameters")
    )
    return RequestConfiguration(query_parameters=parameters(**query))


def nothing_unknown(*models) -> None:
    assert {name for model in models for name in model.additional_data} == set()


async def test_the_sdk_pages_a_thousand_people_and_knows_all_their_properties(world, client):
    from msgraph_core import PageIterator  # noqa: PLC0415

    people = world.people(1000)
    world.tenant.update(
        people[3],
        accountEnabled=False,
        businessPhones=["+49 30 1"],
        employeeOrgData={"costCenter": "C1", "division": "D"},
        onPremisesExtensionAttributes={"extensionAttribute1": "a"},
    )
    query = configuration(client.users, select=SELECT, top=100)
    page = await client.users.get(request_configuration=query)
    found = []

    def take(user) -> bool:
        found.append(user)
        return True

    await PageIterator(page, client.request_adapter).iterate(take)

    assert [user.id for user in found] == people
    assert world.server.requests("/users") == 10
    nothing_unknown(*found)
    spoken = found[3]
    assert (spoken.account_enabled, spoken.business_phones) == (False, ["+49 30 1"])
    assert spoken.employee_org_data.cost_center == "C1"
    nothing_unknown(spoken.employee_org_data, spoken.on_premises_extension_attributes)


async def test_the_sdk_reads_groups_their_members_and_the_tenant(world, client):
    from msgraph.generated.models.group import Group  # noqa: PLC0415
    from msgraph.generated.models.user import User  # noqa: PLC0415

    ann, bob = world.people(2)
    inner = world.tenant.add_group("Inner", users=[bob])
    outer = world.tenant.add_group("Outer", users=[ann], groups=[inner])

    builder = client.groups.by_group_id(outer).members
    members = await builder.get(request_configuration=configuration(builder, select=["id"]))
    select = ["id", "displayName", "visibility"]
    groups = await client.groups.get(
        request_configuration=configuration(client.groups, select=select)
    )
    tenants = await client.organization.get(
        request_configuration=configuration(client.organization, select=["id", "displayName"])
    )

    kinds = {one.id: type(one) for one in members.value}
    assert kinds == {ann: User, inner: Group}
    assert [group.display_name for group in groups.value] == ["Inner", "Outer"]
    assert (tenants.value[0].id, tenants.value[0].display_name) == (world.tenant.id, "Contoso")
    nothing_unknown(*members.value, *groups.value, *tenants.value)


async def test_the_sdk_reads_everybody_and_then_what_changed_by_delta_queries(world, client):
    ann, bob, cat = world.people(3)
    builder = client.users.delta
    query = configuration(builder, select=["displayName", "jobTitle"])
    first = await builder.get(request_configuration=query)
    assert [one.id for one in first.value] == [ann, bob, cat]

    world.tenant.update(ann, jobTitle="Director")
    world.tenant.delete(bob)
    second = await builder.with_url(first.odata_delta_link).get()

    changed, gone = second.value
    assert (changed.id, changed.job_title) == (ann, "Director")
    assert (gone.id, set(gone.additional_data)) == (bob, {"@removed"})
    nothing_unknown(*first.value, changed)
