"""A configuration file is understood, or every error in it is told with its line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.model.configuration import (
    ConfigurationSpec,
    CsvSettings,
    EntraSettings,
    GoogleSettings,
    Guard,
    InvitationWay,
    LdapSettings,
    LicensePolicy,
    MissingPolicy,
    OktaSettings,
    Schedule,
    ScimSettings,
    Scope,
)
from core.services.configuration_export import export_file
from core.services.configuration_file import parse_file

WHOLE = """\
licenses: {total: 100, policy: automatic}
configurations:
  - name: people-scim
    provider: {type: scim, url: "https://idp.example/scim/v2", token: "env:DIRSYNC_CREDENTIAL_SCIM"}
    scope: {groups: [Engineering], domains: [Example.com]}
    mapping: {title: title, department: enterprise.department}
    schedule: {every: 1h}
    channel: C0123456789
    guard: {percent: 10, minimum: 5, canaries: [boss@example.com]}
    invitations: {send: mail}
    on_missing: disable
    grace: 30d
  - name: contractors
    provider: {type: csv, file: contractors.csv, columns: {email: "E-Mail"}}
    schedule: {cron: "0 2 * * *", timezone: Europe/Berlin}
    invitations: {send: staged}
    on_missing: keep
    grace: 2w
"""
GOOD = """\
configurations:
  - name: a
    provider: {type: scim, url: "https://idp.example", token: "env:DIRSYNC_CREDENTIAL_A"}
"""


def errors_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_file(text, source="f.yaml")
    assert caught.value.line is not None
    return caught.value.message.splitlines()


def test_the_file_of_the_design_is_understood():
    file = parse_file(WHOLE, source="f.yaml")
    assert file.licenses_total == 100
    first, second = file.configurations
    assert first.scope == Scope(groups=("Engineering",), domains=("example.com",))
    assert first.schedule == Schedule(every=timedelta(hours=1))
    assert first.guard == Guard(percent=10, minimum=5, canaries=("boss@example.com",))
    assert second.provider == CsvSettings(file="contractors.csv", columns={"email": "E-Mail"})
    assert second.schedule == Schedule(cron="0 2 * * *", timezone="Europe/Berlin")
    assert second.invitations is InvitationWay.STAGED
    assert second.on_missing is MissingPolicy.KEEP
    assert second.grace == timedelta(days=14)


def test_what_is_exported_is_understood_as_the_same():
    file = parse_file(WHOLE, source="f.yaml")
    text = export_file(
        file.configurations, licenses_total=100, licenses_policy=LicensePolicy.AUTOMATIC
    )
    assert parse_file(text, source="g.yaml") == file


names = st.from_regex(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,20}[a-zA-Z0-9])?", fullmatch=True)
words = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" "), min_size=1, max_size=30
).filter(lambda text: text.strip() == text and text.isprintable())
durations = st.integers(1, 3650).map(lambda days: timedelta(days=days))
providers = st.one_of(
    st.builds(
        ScimSettings,
        url=st.just("https://idp.example/scim"),
        token=st.just("file:scim/token"),
        page_size=st.integers(1, 10_000),
        groups=st.booleans(),
    ),
    st.builds(
        CsvSettings,
        file=st.just("people.csv"),
        columns=st.dictionaries(st.sampled_from(["email", "id", "active"]), words),
    ),
    st.builds(
        LdapSettings,
        url=st.sampled_from(["ldaps://dc1.example", "ldap://[::1]:1389"]),
        base=st.just("ou=people,dc=example,dc=com"),
        user=st.just("cn=reader,dc=example,dc=com"),
        password=st.just("file:ldap/password"),
        sasl=st.sampled_from([None, "SCRAM-SHA-256"]),
        people_filter=st.sampled_from([None, "(&(objectClass=person)(!(employeeType=left)))"]),
        page_size=st.integers(1, 10_000),
        groups=st.booleans(),
        skip_referrals=st.booleans(),
    ),
    st.builds(
        EntraSettings,
        tenant=st.just("contoso.example"),
        client_id=st.just("11111111-2222-3333-4444-555555555555"),
        certificate=st.just("file:entra.pem"),
        cloud=st.sampled_from(["global", "us-government", "us-dod", "china"]),
        url=st.sampled_from([None, "https://graph.example/v1.0"]),
        page_size=st.integers(1, 999),
        groups=st.booleans(),
    ),
    st.builds(
        GoogleSettings,
        admin=st.just("admin@example.com"),
        service_account=st.just("file:google.json"),
        customer=st.sampled_from(["my_customer", "C03az79cb"]),
        url=st.sampled_from([None, "https://proxy.example"]),
        page_size=st.integers(1, 500),
        groups=st.booleans(),
    ),
    st.builds(
        OktaSettings,
        url=st.just("https://acme.okta.com"),
        client_id=st.just("0oa1"),
        private_key=st.just("file:okta.pem"),
        key_id=st.sampled_from([None, "k1"]),
        page_size=st.integers(1, 200),
        groups=st.booleans(),
    ),
)
specs = st.builds(
    ConfigurationSpec,
    name=names,
    provider=providers,
    scope=st.builds(
        Scope,
        groups=st.lists(words, unique=True, max_size=3).map(tuple),
        domains=st.lists(st.sampled_from(["a.example", "b.example"]), unique=True).map(tuple),
        filter=st.sampled_from(["", 'title == "a: b"', 'title != "x"\n  && active']),
    ),
    mapping=st.dictionaries(
        st.sampled_from(["title", "phone"]),
        st.sampled_from(["enterprise.x", "'a' + title", 'x.y + "\\n#"']),
    ),
    schedule=st.one_of(
        st.none(),
        durations.map(lambda every: Schedule(every=every)),
        st.just(Schedule(cron="15 3 * * 1-5", timezone="Asia/Kolkata")),
    ),
    channel=st.sampled_from([None, "C0123456789"]),
    guard=st.builds(
        Guard,
        percent=st.integers(0, 100),
        minimum=st.integers(0, 50),
        canaries=st.lists(words, unique=True, max_size=2).map(tuple),
        protected=st.lists(words, unique=True, max_size=2).map(tuple),
        max_creations=st.one_of(st.none(), st.integers(0, 9)),
    ),
    invitations=st.sampled_from(InvitationWay),
    on_missing=st.sampled_from(MissingPolicy),
    priority=st.none() | st.integers(1, 1000),
    grace=durations,
)


specs = st.builds(
    lambda spec, once: replace(spec, only_on_create=tuple(sorted(spec.mapping)[:once])),
    specs,
    st.integers(0, 2),
)


@given(st.lists(specs, max_size=3, unique_by=lambda spec: spec.name.casefold()))
def test_whatever_is_stored_survives_export_and_apply(stored):
    text = export_file(stored, licenses_total=7, licenses_policy=LicensePolicy.ASK)
    file = parse_file(text, source="f.yaml")
    assert list(file.configurations) == stored
    assert file.licenses_total == 7


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused_with_a_line(text):
    told: ConfigurationError | None = None
    try:
        parse_file(text, source="f.yaml")
    except ConfigurationError as error:
        told = error
    assert told is None or told.line is not None


CASES = {
    "scop: {}": "scop is not a known key. Did you mean scope?",
    "scope: {filter: title}": "filter: column 1: the filter must come to true or false",
    "mapping: {title: 'a + '}": "mapping: column 5: the expression ends too early",
    "mapping: {title: 'titel + \"x\"'}": "Did you mean title?",
    "mapping: {title: titel}": "mapping: titel is no known attribute. Did you mean title?",
    "mapping: {phone: phonenumbers}": "Did you mean phoneNumbers? If not, write attributes[",
    "mapping: {Title: a}": "expected an account attribute",
    "mapping: {title: {only_on_create: true}}": "mapping: title needs the key from",
    "mapping: {title: {from: title, onlyoncreate: true}}": "Did you mean only_on_create?",
    "mapping: {title: {from: title, only_on_create: maybe}}": "expected true or false",
    "mapping: {email: {from: emails, only_on_create: true}}": "told apart by email",
    "grace: 3": "expected a duration",
    "grace: {}": "expected a text",
    "schedule: {every: 1s}": "from 1m",
    "schedule: {every: 1h, cron: '* * * * *'}": "either every or cron",
    "schedule: {every: 1h, timezone: UTC}": "belongs to cron",
    "schedule: {cron: '99 * * * *'}": "cron expression",
    "schedule: {cron: '0 0 30 2 *'}": "cron expression",
    "schedule: {cron: '* * * * *', timezone: Mars/Base}": "expected a time zone",
    "channel: '#general'": "channel id",
    "guard: {percent: 101}": "from 0 to 100",
    "guard: {percent: ten}": "whole number",
    "invitations: {send: fax}": "expected one of mail, slack, both, staged",
    "invitations: {}": "needs the key send",
    "on_missing: delete": "expected disable",
    "scope: {domains: ['@example.com']}": "without @",
    "priority: 0": "from 1 to 1,000",
    "owner: hr": "is not available yet",
    "name: b": "the key name is there twice",
}


@pytest.mark.parametrize(("line", "expected"), CASES.items())
def test_each_kind_of_error_is_told_with_its_line(line, expected):
    (error,) = errors_of(f"{GOOD}    {line}\n")
    assert error.startswith("f.yaml, line 4: ")
    assert expected in error


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("{type: google, service_account: 'file:x'}", "needs the key admin"),
        ("{type: google, admin: ada, service_account: 'file:x'}", "expected an admin's address"),
        ("{type: google, admin: a@b.example, service_account: '{}'}", "expected a reference"),
        (
            "{type: google, admin: a@b.example, service_account: 'file:x', customer: acme}",
            "expected a customer ID",
        ),
        ("{type: ldap, url: x}", "expected a URL such as ldaps://"),
        ("{type: ldap, url: 'ldaps://x.example', base: people}", "expected a DN"),
        ("{type: ldap, url: 'ldaps://x.example/dc=x', base: dc=x}", "the DN belongs under base"),
        ("{type: ldap, url: 'ldaps://u:hunter2@x.example', base: dc=x}", "without a user"),
        ("{type: ldap, url: 'ldap://x.example', base: dc=x, start_tls: false}", "loopback only"),
        ("{type: ldap, url: 'ldaps://x.example', base: dc=x}", "exactly one way to sign in"),
        ("{type: ldap, url: 'ldaps://x.example', base: dc=x, user: u}", "exactly one way"),
        ("{type: ldap, url: 'ldaps://x.example', base: dc=x, sasl: PLAN}", "expected one of"),
        ("{type: ldap, base: dc=x, people_filter: '(a=b)(c=d)'}", "one whole filter"),
        ("{type: ldap, base: dc=x, user_name: 'uid)(a'}", "an LDAP attribute"),
        ("{type: ldap, base: dc=x, ca: 'env:DIRSYNC_CREDENTIAL_A'}", "expected file:"),
        ("{type: scimm}", "Did you mean scim?"),
        ("{url: x}", "needs the key type"),
        ("{type: scim, token: 'env:DIRSYNC_CREDENTIAL_A'}", "needs the key url"),
        ("{type: scim, url: 'https://x.example'}", "exactly one way to sign in"),
        ("{type: scim, url: 'http://x.example', token: 'file:t'}", "plain http"),
        ("{type: scim, url: 'https://u:hunter2@x.example', token: 'file:t'}", "without a user"),
        ("{type: scim, url: 'https://x.example', token: 'file:../t'}", "expected a reference"),
        ("{type: scim, url: 'https://x.example', token: 'env:HOME'}", "expected a reference"),
        ("{type: scim, url: 'https://x.example', username: u}", "exactly one way"),
        ("{type: entra, tenant: t, client_id: c}", "either client_secret or certificate"),
        ("{type: entra, client_id: c, client_secret: 'file:s'}", "needs the key tenant"),
        ("{type: entra, tenant: t, client_id: c, client_secret: s3}", "expected a reference"),
        (
            "{type: entra, tenant: t, client_id: c, certificate: 'file:c', client_secret: f}",
            "either client_secret or certificate",
        ),
        (
            "{type: entra, tenant: t, client_id: c, certificate: 'file:c', cloud: x}",
            "one of global",
        ),
        ("{type: entra, tenant: t, client_id: c, certificate: 'file:c', page_size: 1000}", "999"),
        ("{type: okta, url: 'https://x.example'}", "exactly one way to sign in"),
        ("{type: okta, url: 'https://x.example/api/v1', token: 'file:t'}", "address and no more"),
        ("{type: okta, url: 'https://x.example', client_id: c}", "exactly one way to sign in"),
        (
            "{type: okta, url: 'https://x.example', client_id: c, private_key: 'file:k', token: x}",
            "exactly one way to sign in",
        ),
        (
            "{type: okta, url: 'https://x.example', key_id: k, token: 'file:t'}",
            "key_id belongs to private_key",
        ),
        (
            "{type: okta, url: 'https://x.example', token: 'file:t', page_size: 500}",
            "from 1 to 200",
        ),
        ("{type: csv}", "either file or url"),
        ("{type: csv, file: /etc/passwd}", "inside the credentials folder"),
        ("{type: csv, file: a.csv, token: 'file:t'}", "token belongs to url"),
    ],
)
def test_each_error_of_a_provider_is_told_with_its_line(provider, expected):
    found = errors_of(f"configurations:\n  - name: a\n    provider: {provider}\n")
    assert any(expected in error for error in found)
    assert all(error.startswith("f.yaml, line 3: ") for error in found)
    assert "hunter2" not in "".join(found)


def test_a_secret_itself_is_refused_and_not_repeated():
    (error,) = errors_of(GOOD.replace("env:DIRSYNC_CREDENTIAL_A", "hunter2hunter2"))
    assert "expected a reference" in error
    assert "hunter2" not in error


def test_several_errors_are_told_at_once_in_the_order_of_the_file():
    found = errors_of(f"{GOOD}    grace: x\n    channel: y\n  - name: a\n    provider: 3\n")
    assert [error.split(":")[0] for error in found] == [
        "f.yaml, line 4",
        "f.yaml, line 5",
        "f.yaml, line 6",
        "f.yaml, line 7",
    ]


def test_names_that_differ_in_case_only_are_the_same_name():
    second = GOOD.partition("\n")[2].replace("name: a", "name: A")
    (error,) = errors_of(GOOD + second)
    assert "line 4" in error
    assert "twice" in error


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "a: &x [1]\nb: *x",
        "[" * 5000,
        "{a: " * 5000,
        "licenses: {total: 1}\n---\nlicenses: {total: 2}",
        "!!python/object/apply:os.system [x]",
        "a: b: c",
        "\t- x",
        "licenses: {total: 1}\nlicenses: {total: 2}",
        "x" * 200_001,
        "? [a]\n: b",
        "configurations: [" + "1," * 21_000 + "]",
    ],
)
def test_files_that_are_no_configuration_or_an_attack_are_refused(text):
    assert errors_of(text)


def test_each_line_of_an_expression_has_its_line_in_the_file():
    text = """\
configurations:
  - name: a
    provider: {type: csv, file: a.csv}
    scope:
      filter: |
        active
        && titel == "x"
    mapping:
      department: department +
"""
    first, second = errors_of(text)
    assert first.startswith("f.yaml, line 7: filter: line 2, column 4: titel is no known attribute")
    assert first.endswith('Did you mean title? If not, write attributes["titel"].')
    assert second == "f.yaml, line 9: mapping: column 13: the expression ends too early."
