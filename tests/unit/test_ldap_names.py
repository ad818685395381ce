"""Filters that nothing can be injected into, and DNs that are written in many ways."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.providers.ldap.directory import is_emptied
from core.providers.ldap.names import (
    escaped,
    is_below,
    is_filter,
    normal_dn,
    place_of,
    unit_value,
)

HOSTILE = [
    "*",
    "a*)(uid=*",
    ")(|(objectClass=*",
    "\\",
    "\\2a",
    "x\x00y",
    "*)(userPassword=*))(|(a=b",
    "ü€😀",
    "\ud800",
    " leading and trailing ",
    "\r\n",
    "&|!=~<>",
]


def unescaped(text: str) -> bytes:
    """What a server reads (RFC 4515 §3)."""
    pieces = re.split(r"\\([0-9a-f]{2})", text)
    return b"".join(
        bytes([int(piece, 16)]) if odd else piece.encode()
        for piece, odd in zip(pieces, [False, True] * len(pieces), strict=False)
    )


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_means_itself_in_a_filter(value):
    text = escaped(value)

    assert not re.search(r"[*()\x00]|\\(?![0-9a-f]{2})", text)
    assert unescaped(text) == value.encode("utf-8", "surrogatepass")
    assert is_filter(f"(uid={text})")


@given(st.text() | st.binary())
def test_any_value_means_itself_in_a_filter(value):
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value

    assert unescaped(escaped(value)) == raw
    assert is_filter(f"(uid={escaped(value)})")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("(objectClass=person)", True),
        ("(&(a=b)(|(c=d)(!(e=f))))", True),
        ("(a=b)(c=d)", False),
        ("(a=b))(|(c=d)", False),
        ("a=b", False),
        ("", False),
        ("((a=b)", False),
        ("(a=\x00b)", False),
    ],
)
def test_only_one_whole_filter_can_stand_inside_another(text, whole):
    assert is_filter(text) is whole


SAME = [
    ("CN=Ann,OU=People,DC=Example", "cn=ann, ou=people , dc=example"),
    (r"cn=Smith\, John,dc=x", r"CN=smith\2C john,DC=X"),
    (r"cn=a\+b,dc=x", r"cn=a\2bb,dc=x"),
    (r"cn=\C3\BCber,dc=x", "cn=über,dc=x"),
    (r"cn=\#1,dc=x", r"cn=\231,dc=x"),
    ("cn=a  b,dc=x", "cn=a b,dc=x"),
    ("uid=a+cn=b,dc=x", "UID=a + CN=b,dc=x"),
    (r"cn=a\\b,dc=x", r"cn=a\5cb,dc=x"),
    (r"cn=a\,b;dc=x", r"cn=a\2cb,dc=x"),
    ("cn=a\\ ", r"cn=a\20"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_writings_of_one_name_are_alike(one, other):
    assert normal_dn(one) == normal_dn(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"cn=a\,ou=b,dc=x", "cn=a,ou=b,dc=x"),
        (r"cn=a\2cou=b,dc=x", "cn=a,ou=b,dc=x"),
        (r"cn=a\+b=c,dc=x", "cn=a+b=c,dc=x"),
        ("cn=ab,dc=x", "cn=a b,dc=x"),
    ],
)
def test_different_names_stay_different(one, other):
    assert normal_dn(one) != normal_dn(other)


@given(st.text(max_size=40) | st.text(alphabet='\\ ,+=;"#aA2cC\n', max_size=12))
@example(";\\")
def test_a_normal_name_is_its_own_normal_form(text):
    assert normal_dn(normal_dn(text)) == normal_dn(text)


def test_a_name_is_below_its_base_and_not_below_one_that_ends_alike():
    assert is_below("cn=a,ou=b,dc=x", "ou=b,dc=x")
    assert is_below("ou=b,dc=x", "ou=b,dc=x")
    assert not is_below("cn=a,ou=bb,dc=x", "ou=b,dc=x")
    assert not is_below("cn=a,xou=b,dc=x", "ou=b,dc=x")


@pytest.mark.parametrize(
    ("dn", "place"),
    [
        ("cn=ann,OU=Berlin, ou=Sales , dc=x", ("dc=x", "ou=sales", "ou=berlin")),
        (r"cn=Smith\, Ann,ou=R\, D,dc=x", ("dc=x", r"ou=r\2c d")),
        (r"cn=back\\,ou=a,dc=x", ("dc=x", "ou=a")),
        ("cn=ann;ou=a;dc=x", ("dc=x", "ou=a")),
        ("dc=x", ()),
        ("", None),
    ],
)
def test_where_somebody_is_are_the_parts_of_the_name_above_from_the_root_on(dn, place):
    assert place_of(dn) == place


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))
@example('R, D "+" <a>;#\\ = b')
def test_a_units_name_is_what_a_server_writes_into_its_dn_however_it_escapes(name):
    escapes = (
        "".join(f"\\{char}" if char in ',+"\\<>;=#' else char for char in name.strip()),
        "".join(f"\\{byte:02X}" for byte in name.strip().encode()),
    )
    for escaped_name in escapes[: 1 if " " in name else 2]:
        assert normal_dn(f"OU={escaped_name}") == f"ou={unit_value(name)}"


@pytest.mark.parametrize(
    ("url", "harmless"),
    [
        ("ldap://ForestDnsZones.x.test/DC=ForestDnsZones,DC=x,DC=test", True),
        ("ldap://x.test/DC=DomainDnsZones,DC=x,DC=test??sub", True),
        ("ldap://x.test/CN=Configuration,DC=x,DC=test", True),
        ("ldap://child.x.test/DC=child,DC=x,DC=test", False),
        ("ldap://elsewhere.test/", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_only_referrals_to_parts_without_people_mean_nothing(url, harmless):
    assert is_emptied(url, frozenset({"cn=configuration,dc=x,dc=test"})) is harmless
