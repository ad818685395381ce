"""Secrets that were typed in: sealed, opened, sealed anew, over both databases."""

from __future__ import annotations

import re
import stat

import pytest
from pydantic import SecretStr

from core.errors import ConfigurationError, NotPermittedError
from core.model.account import Actor, Role
from core.model.configuration import ScimSettings
from core.services.access import AccessService
from core.services.audit import AuditService
from core.services.secrets import SecretService, stored_references
from core.settings import Settings
from tests.support.scripted_directory import people
from tests.support.store_world import ADA, store_world

PLANTED = "planted-secret-3f9a"


@pytest.fixture
async def world(database_url):
    async with store_world(database_url, people(1)) as made:
        yield made


def service(world, database_url="", key=None):
    settings = Settings.for_demo(
        database_url=database_url or "postgresql://u@h/d",
        secret_key=SecretStr(key) if key else None,
    )
    audit = AuditService(store=world.store, clock=world.clock)
    access = AccessService(settings=settings, store=world.store, audit=audit)
    return SecretService(
        settings=settings, store=world.store, clock=world.clock, access=access, audit=audit
    )


async def use(world, reference):
    """Let the configuration refer to a secret, so that it counts as used."""
    await world.apply(provider=ScimSettings(url="https://x.example", token=reference))


KEY, NEW = "0123456789abcdef", "fedcba9876543210"


async def test_a_typed_secret_comes_back_only_by_its_reference(world):
    secrets = service(world, key=KEY)
    reference = await secrets.refer(ADA, f"  {PLANTED}\n")
    assert re.fullmatch(r"stored:s-[0-9a-z]{8}", reference)
    assert await secrets.open([reference, "stored:s-00000000"]) == {reference: PLANTED}
    assert await secrets.open(["env:DIRSYNC_CREDENTIAL_X"]) == {}


async def test_a_reference_is_kept_as_it_is(world):
    secrets = service(world, key=KEY)
    for reference in ("env:DIRSYNC_CREDENTIAL_X", "file:token"):
        assert await secrets.refer(ADA, reference) == reference
    assert await world.sql("SELECT count(*) FROM secrets") == [(0,)]


async def test_the_database_never_holds_the_secret_itself(world):
    await service(world, key=KEY).refer(ADA, PLANTED)
    for table in ("secrets", "audit", "drafts", "configurations"):
        assert PLANTED not in str(await world.sql(f"SELECT * FROM {table}"))


async def test_with_another_key_it_is_told_and_nothing_is_lost(world):
    reference = await service(world, key=KEY).refer(ADA, PLANTED)
    with pytest.raises(ConfigurationError) as caught:
        await service(world, key=NEW).open([reference])
    assert caught.value.code == "secret_sealed"
    assert await service(world, key=KEY).open([reference]) == {reference: PLANTED}


async def test_rotation_moves_to_the_first_key_and_drops_what_nothing_uses(world):
    secrets = service(world, key=KEY)
    reference, unused = await secrets.refer(ADA, PLANTED), await secrets.refer(ADA, "other")
    await use(world, reference)
    assert await service(world, key=f"{NEW},{KEY}").rotate(ADA) == (1, 1)
    assert await service(world, key=NEW).open([reference, unused]) == {reference: PLANTED}
    with pytest.raises(ConfigurationError):
        await service(world, key=KEY).open([reference])


async def test_a_generated_key_is_private_and_is_replaced_by_rotation(world, tmp_path):
    secrets = service(world, database_url=f"sqlite:///{tmp_path}/own.db")
    reference = await secrets.refer(ADA, PLANTED)
    await use(world, reference)
    path = tmp_path / "own.db.key"
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await secrets.rotate(ADA) == (1, 0)
    assert path.read_bytes() != before
    assert len(path.read_bytes().split()) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await secrets.open([reference]) == {reference: PLANTED}


async def test_a_key_file_that_is_gone_is_told(world, tmp_path):
    secrets = service(world, database_url=f"sqlite:///{tmp_path}/own.db")
    reference = await secrets.refer(ADA, PLANTED)
    (tmp_path / "own.db.key").write_text("nonsense")
    with pytest.raises(ConfigurationError) as caught:
        await secrets.open([reference])
    assert caught.value.code == "key_file_unusable"


async def test_without_a_key_several_replicas_cannot_keep_a_secret(world):
    with pytest.raises(ConfigurationError) as caught:
        await service(world).refer(ADA, PLANTED)
    assert caught.value.code == "secret_key_missing"


async def test_only_admins_keep_secrets(world):
    operator = Actor(id="slack:U1", name="O", role=Role.OPERATOR, door="slack")
    with pytest.raises(NotPermittedError):
        await service(world, key=KEY).refer(operator, PLANTED)


def test_the_references_of_a_provider_are_those_to_stored_secrets():
    settings = ScimSettings(url="https://x.example", token="stored:s-abcdefgh", password="env:X")
    assert stored_references(settings) == ["stored:s-abcdefgh"]
