"""The form for a configuration: what it asks, and what becomes of what was entered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.configuration import (
    ConfigurationSpec,
    CsvSettings,
    EntraSettings,
    GoogleSettings,
    Guard,
    InvitationWay,
    LdapSettings,
    MissingPolicy,
    OktaSettings,
    Schedule,
    ScimSettings,
    Scope,
)
from core.model.form import KINDS, STEPS
from core.services.draft_fields import empty_fields, fields_of, judged, wrong_in

SPEC = ConfigurationSpec(
    name="people",
    provider=ScimSettings(url="https://idp.example/scim", token="env:DIRSYNC_CREDENTIAL_X"),
)
SPECS = [
    SPEC,
    replace(
        SPEC,
        provider=ScimSettings(
            url="https://idp.example/scim",
            username="ada",
            password="file:secret",
            page_size=50,
            groups=False,
        ),
        scope=Scope(
            groups=("A, B", "C"), domains=("example.com",), filter='userType == "Employee"'
        ),
        mapping={"title": "title", "department": 'has(enterprise.department) ? "a=b" : ""'},
        schedule=Schedule(cron="30 2 * * 1", timezone="Europe/Berlin"),
        channel="C0123456789",
        guard=Guard(
            percent=20,
            minimum=3,
            canaries=("boss@example.com",),
            protected=("u1",),
            max_creations=7,
        ),
        invitations=InvitationWay.STAGED,
        on_missing=MissingPolicy.KEEP,
        grace=timedelta(days=7),
        priority=3,
    ),
    replace(
        SPEC,
        provider=ScimSettings(
            url="https://idp.example/scim",
            token_url="https://idp.example/token",
            client_id="x",
            client_secret="stored:s-abcdefgh",
        ),
        schedule=Schedule(every=timedelta(minutes=90)),
    ),
    replace(
        SPEC,
        provider=CsvSettings(file="people.csv", columns={"email": "Mail"}),
        schedule=Schedule(cron="*/5 1-3 * * *", timezone="Asia/Tokyo"),
    ),
    replace(
        SPEC,
        provider=GoogleSettings(
            admin="admin@example.com", service_account="stored:s-abcdefgh", page_size=100
        ),
    ),
    replace(
        SPEC,
        provider=OktaSettings(
            url="https://acme.okta.com",
            client_id="x",
            private_key="stored:s-abcdefgh",
            key_id="k",
            page_size=100,
        ),
    ),
    replace(SPEC, provider=OktaSettings(url="https://acme.okta.com", token="file:okta")),
    replace(
        SPEC,
        mapping={"title": 'title + "!"', "department": "enterprise.department"},
        only_on_create=("title",),
    ),
    replace(
        SPEC,
        provider=EntraSettings(
            tenant="contoso.com",
            client_id="x",
            certificate="stored:s-abcdefgh",
            cloud="china",
            groups=False,
        ),
    ),
    replace(
        SPEC,
        provider=EntraSettings(tenant="contoso.com", client_id="x", client_secret="file:secret"),
    ),
    replace(
        SPEC,
        provider=LdapSettings(
            url="ldaps://dc1.example.com",
            base="ou=Staff,dc=example,dc=com",
            user="reader@example.com",
            password="stored:s-abcdefgh",
            people_filter="(objectClass=person)",
            page_size=100,
        ),
    ),
    replace(SPEC, provider=CsvSettings(url="https://hr.example/people.csv")),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_stored_configuration_fills_the_form_and_comes_back_the_same(spec):
    assert judged(fields_of(spec), base=spec) == (spec, {})


def test_every_field_of_every_kind_has_a_step_and_is_judged():
    for kind in KINDS:
        assert {each.key for each in kind.fields} <= set(STEPS["signin"])
        errors = wrong_in("signin", {each.key: "" for each in kind.fields}, kind=kind.key)
        assert set(errors) == {each.key for each in kind.fields if not each.optional}


def test_a_wrong_expression_is_told_at_its_field():
    errors = wrong_in("scope", {"filter": 'userType = "Employee"'})
    assert list(errors) == ["filter"]
    assert "Column 10" in errors["filter"]
    assert list(wrong_in("mapping", {"mapping": "title = a +"})) == ["mapping"]


def test_a_secret_that_is_kept_need_not_be_entered_again():
    entered = {"url": "https://idp.example", "token": ""}
    assert list(wrong_in("signin", entered, kind="scim-token")) == ["token"]
    assert wrong_in("signin", entered, kind="scim-token", kept=True) == {}


@given(
    entered=st.fixed_dictionaries(
        {},
        optional={
            field: st.text(max_size=30)
            for field in {each for fields in STEPS.values() for each in fields}
        },
    )
)
def test_whatever_is_entered_is_judged_and_never_crashes(entered):
    spec, errors = judged({**empty_fields(), **entered})
    assert (spec is None) == bool(errors)
    known = {each for fields in STEPS.values() for each in fields}
    assert set(errors) <= known
    for step in STEPS:
        wrong_in(step, entered)
