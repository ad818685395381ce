"""Signing in to a tenant, and the check that names whatever is missing in Microsoft's words."""

from dataclasses import replace

import pytest

from core.errors import ConfigurationError, SignInError, TransientRemoteError
from core.model.directory import CheckStatus
from core.providers.entra.clouds import CLOUDS
from core.providers.entra.signin import key_and_thumbprint
from tests.support.certificates import certificate_pem, private_key_pem
from tests.support.entra_world import entra_world, user_pages
from tests.vendors.entra_tokens import sts, thumbprint

PEM = certificate_pem()
CERTIFICATE = PEM[PEM.index("-----BEGIN CERTIFICATE") :]
KEY = PEM[: PEM.index("-----BEGIN CERTIFICATE")]


@pytest.fixture
def world(tmp_path):
    with entra_world() as running:
        running.folder = tmp_path
        yield running


async def lines(provider):
    report = await provider.check()
    return report, {line.name: line for line in report.lines}


@pytest.mark.parametrize("text", [KEY + CERTIFICATE, CERTIFICATE + KEY, PEM.replace("\n", "\\n")])
async def test_a_certificate_signs_in_whatever_the_order_of_its_pem(world, tmp_path, text):
    world.people(1)
    world.server.signin.certificates.append(PEM)
    (tmp_path / "entra.pem").write_text(text)

    async with world.opened(client_secret=None, certificate="file:entra.pem") as provider:
        assert len((await user_pages(provider))[0].records) == 1
    assert key_and_thumbprint(text)[1] == thumbprint(PEM)


@pytest.mark.parametrize("text", ["no pem", KEY, CERTIFICATE, private_key_pem() + CERTIFICATE])
async def test_a_pem_without_a_key_and_its_certificate_fails_the_sign_in(world, tmp_path, text):
    (tmp_path / "entra.pem").write_text(text)

    async with world.opened(client_secret=None, certificate="file:entra.pem") as provider:
        with pytest.raises(ConfigurationError) as raised:
            await user_pages(provider)
        _, found = await lines(provider)

    assert raised.value.code == found["Sign-in"].code == "secret_invalid"


async def test_a_certificate_that_the_app_does_not_know_is_told_with_where_to_put_it(
    world, tmp_path
):
    (tmp_path / "entra.pem").write_text(PEM)

    async with world.opened(client_secret=None, certificate="file:entra.pem") as provider:
        with pytest.raises(SignInError) as raised:
            await user_pages(provider)

    assert "AADSTS700027" in raised.value.message
    assert "Upload this certificate" in raised.value.hint


@pytest.mark.parametrize(
    ("settings", "code", "hint"),
    [
        ({"secret": "wrong"}, "7000215", "not its Secret ID"),
        ({"tenant": "fabrikam.example"}, "90002", "Check tenant"),
        ({"client_id": "another"}, "700016", "Check client_id"),
    ],
)
async def test_each_refusal_is_told_with_its_code_and_what_to_do(world, settings, code, hint):
    async with world.opened(**settings) as provider:
        with pytest.raises(SignInError) as raised:
            await user_pages(provider)

    assert f"AADSTS{code}" in raised.value.message
    assert hint in raised.value.hint
    assert "wrong" not in str(raised.value)


async def test_an_expired_secret_says_so_and_a_busy_endpoint_stops_nothing(world):
    said = "The provided client secret keys are expired."
    world.server.signin.refusal = sts(401, "invalid_client", 7000222, said)
    async with world.opened() as provider:
        with pytest.raises(SignInError) as raised:
            await user_pages(provider)
        assert "has expired" in raised.value.hint

        world.server.signin.refusal = sts(400, "temporarily_unavailable", 90006, "Busy.")
        with pytest.raises(TransientRemoteError):
            await user_pages(provider)


async def test_a_token_that_was_revoked_is_asked_for_again_once(world):
    world.people(1)
    async with world.opened() as provider:
        await user_pages(provider)
        world.server.signin.issued.clear()
        assert len(await user_pages(provider)) == 1


@pytest.mark.parametrize("both", [True, False])
async def test_exactly_one_way_to_sign_in_is_needed(world, both):
    ways = {"certificate": "file:c" if both else None, "client_secret": "file:s" if both else None}
    with pytest.raises(ConfigurationError):
        async with world.opened(**ways):
            pass


@pytest.mark.parametrize("settings", [{"cloud": "mars"}, {"page_size": 0}, {"page_size": 1000}])
async def test_settings_that_cannot_be_used_are_refused(world, settings):
    with pytest.raises(ConfigurationError):
        async with world.opened(**settings):
            pass


def test_the_national_clouds_have_their_own_origins():
    pairs = {name: (cloud.login, cloud.graph) for name, cloud in CLOUDS.items()}

    assert pairs["us-government"] == (
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
    )
    assert pairs["us-dod"][1] == "https://dod-graph.microsoft.us"
    assert pairs["china"][1] == "https://microsoftgraph.chinacloudapi.cn"
    assert len({graph for _, graph in pairs.values()}) == 4


async def test_a_healthy_tenant_is_shown_by_name_and_id(world):
    people = world.people(7)
    world.tenant.add_group("Team", users=people)

    async with world.opened() as provider:
        report, found = await lines(provider)

    assert report.company == f"Contoso ({world.tenant.id})"
    assert {line.status for line in report.lines} == {CheckStatus.OK}
    assert found["People"].detail == "7 people."
    assert found["Groups"].detail == "1 group."
    assert len(report.sample) == 5


@pytest.mark.parametrize(
    ("right", "line", "status"),
    [
        ("User.Read.All", "People", CheckStatus.FAILED),
        ("GroupMember.Read.All", "Groups", CheckStatus.FAILED),
        ("Organization.Read.All", "Tenant", CheckStatus.WARNING),
    ],
)
async def test_each_missing_permission_is_named_at_its_line(world, right, line, status):
    world.people(1)
    world.server.rights -= {right}

    async with world.opened() as provider:
        report, found = await lines(provider)

    assert found[line].status is status
    assert found[line].code == "permission_missing"
    assert right in found[line].detail
    assert f"Application permissions, {right}; then Grant admin consent" in found[line].hint
    assert found["Sign-in"].status is CheckStatus.OK
    assert report.ok is (status is CheckStatus.WARNING)
    assert world.tenant.domain in report.company or "Contoso" in report.company


async def test_basic_rights_are_told_apart_from_enough(world):
    world.people(1)
    world.server.rights = (world.server.rights - {"User.Read.All"}) | {"User.ReadBasic.All"}

    async with world.opened(groups=False) as provider:
        _, found = await lines(provider)

    assert found["People"].status is CheckStatus.FAILED
    assert "accountEnabled" in found["People"].detail
    assert "User.Read.All" in found["People"].hint


async def test_groups_that_hide_their_members_are_told_with_the_permission_for_them(world):
    (ann,) = world.people(1)
    world.tenant.add_group("Secret", users=[ann], visibility="HiddenMembership")
    async with world.opened() as provider:
        _, found = await lines(provider)
        world.server.rights |= {"Member.Read.Hidden"}
        _, after = await lines(provider)

    assert found["Groups"].status is CheckStatus.WARNING
    assert "Member.Read.Hidden" in found["Groups"].detail
    assert after["Groups"].status is CheckStatus.OK


async def test_a_tenant_without_delta_queries_is_told(world):
    world.people(1)
    world.server.delta_works = False
    async with world.opened() as provider:
        report, found = await lines(provider)

    assert report.ok
    assert found["Changes"].code == "no_delta"


async def test_a_check_asks_nothing_twice(world):
    world.server.throttle_every = 1
    world.limits = replace(world.limits, attempts=5)
    async with world.opened() as provider:
        report, _ = await lines(provider)

    assert not report.ok
    assert len(world.server.asked) <= 5
