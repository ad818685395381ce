"""Mapping, matching, scope, groups and digests, each for itself."""

import unicodedata
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.groups import KnownGroup, flatten, member_digest, plan_group
from core.engine.mapping import MAX_LENGTH, Mapper
from core.engine.matching import match_key
from core.engine.scoping import ScopeRule, digest_key, digester, resolve_groups
from core.errors import ConfigurationError
from core.model.configuration import DEFAULT_MAPPING, Scope
from core.model.cycle import Action
from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from tests.support.engine_world import configuration

PLAIN = Mapper({**DEFAULT_MAPPING, "title": "title", "manager": "manager"})


def user(**attributes: object) -> ProviderUser:
    return ProviderUser(
        external_id=ExternalId("u1"),
        user_name="ada",
        active=True,
        emails=("ada@example.com",),
        attributes=attributes,
    )


def codes(problems: str) -> list[str]:
    return [one["code"] for one in msgspec.json.decode(problems)] if problems else []


def profile(text: str) -> dict[str, str]:
    return msgspec.json.decode(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.COM"),
        (" ada@example.com ", "ada@example.com"),
        ("ADA@STRASSE.de", "ada@strasse.de"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("a\u200dda@example.com", "ada@example.com"),
    ],
)
def test_addresses_that_look_alike_have_one_key(one: str, other: str):
    assert match_key(one) == match_key(other) != ""


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str):
    assert match_key(match_key(text)) == match_key(text)


def test_attributes_are_mapped_to_text_and_the_rest_is_left_out():
    mapped = PLAIN.map(user(title="Engineer", displayName="Ada L.", unmapped="x"))
    assert profile(mapped.profile) == {
        "user_name": "ada",
        "display_name": "Ada L.",
        "email": "ada@example.com",
        "title": "Engineer",
    }
    assert mapped.problems == ""


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (True, "true"), (1.5, "1.5"), (10**70, str(10**70))]
)
def test_numbers_and_truth_values_become_text(value: object, text: str):
    assert profile(PLAIN.map(user(title=value)).profile)["title"] == text


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_a_list_or_object_where_text_is_needed_is_a_warning(value: object):
    mapped = PLAIN.map(user(title=value, manager="Grace"))
    assert codes(mapped.problems) == ["attribute_wrong_kind"]
    assert "title" not in profile(mapped.profile)
    assert profile(mapped.profile)["manager"] == "Grace"


def test_control_characters_are_left_out_with_a_warning_that_does_not_quote_them():
    mapped = PLAIN.map(user(title="Engi\x00neer\r\nBcc: x", manager="R\u00e9al\u200fE"))
    assert codes(mapped.problems) == ["attribute_control_characters"]
    assert profile(mapped.profile)["title"] == "EngineerBcc: x"
    assert "Bcc" not in mapped.problems


def test_a_value_that_is_too_long_is_not_applied():
    mapped = PLAIN.map(user(title="x" * (MAX_LENGTH + 1), manager="y" * MAX_LENGTH))
    assert codes(mapped.problems) == ["attribute_too_long"]
    assert set(profile(mapped.profile)) >= {"manager"}


def test_an_attribute_without_a_field_warns_only_for_whoever_has_a_value():
    mapper = Mapper({**DEFAULT_MAPPING, "shirt_size": "shirt"})
    assert codes(mapper.map(user(shirt="XL")).problems) == ["attribute_without_field"]
    assert "XL" not in mapper.map(user(shirt="XL")).problems
    assert mapper.map(user(shirt="")).problems == mapper.map(user()).problems == ""


@pytest.mark.parametrize("emails", [(), ("",), ("ada",), ("ada@",), ("a da@example.com",)])
def test_somebody_without_a_usable_address_is_an_error(emails: tuple[str, ...]):
    mapped = PLAIN.map(replace(user(), emails=emails))
    assert codes(mapped.problems) == ["no_email"]
    assert (mapped.email, mapped.match_key) == ("", "")


def test_the_mapped_digest_ignores_what_is_not_mapped():
    assert PLAIN.map(user(lastLogin="today")).digest == PLAIN.map(user()).digest
    assert PLAIN.map(user(title="x")).digest != PLAIN.map(user()).digest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(value=json_values, address=st.text(max_size=30))
def test_no_value_of_an_attribute_breaks_the_mapping(value: object, address: str):
    mapped = PLAIN.map(replace(user(title=value), emails=(address,)))
    for text in profile(mapped.profile).values():
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
        assert 0 < len(text) <= MAX_LENGTH


def test_the_digest_depends_on_scope_mapping_and_decoder():
    base = configuration()
    keys = {
        digest_key(base, "1"),
        digest_key(base, "2"),
        digest_key(replace(base, scope_revision=2), "1"),
        digest_key(configuration(mapping={"title": "title"}), "1"),
    }
    assert len(keys) == 4
    assert len({digester(key)(b"{}") for key in keys}) == 4
    assert len(digester(keys.pop())(b"{}")) == 16


def someone(name: str) -> ProviderUser:
    return ProviderUser(external_id=ExternalId(name), user_name=name, active=True)


def test_a_scope_of_groups_and_domains_wants_both():
    rule = ScopeRule(Scope(groups=("a",), domains=("Example.COM",)), frozenset({ExternalId("u1")}))
    assert rule.admits(someone("u1"), "ada@example.com")
    assert not rule.admits(someone("u1"), "ada@other.org")
    assert not rule.admits(someone("u2"), "eve@example.com")
    assert not rule.admits(someone("u1"), "")


def group(
    name: str, people: set[str] = frozenset(), groups: set[str] = frozenset(), **more: object
):
    return ProviderGroup(
        external_id=ExternalId(name),
        display_name=name,
        member_users=frozenset(people),
        member_groups=frozenset(groups),
        **more,
    )


def test_a_scope_group_is_found_by_id_name_or_name_in_other_case():
    groups = flatten([group("Alpha", {"u1"}), group("beta", {"u2"})])
    for name in ("Alpha", "BETA"):
        assert resolve_groups(Scope(groups=(name,)), groups, listing_proven=True)
    with pytest.raises(ConfigurationError) as missing:
        resolve_groups(Scope(groups=("gamma",)), groups, listing_proven=True)
    assert missing.value.code == "scope_group_missing"
    assert resolve_groups(Scope(groups=("gamma",)), groups, listing_proven=False) == []


def test_two_groups_of_one_name_are_not_guessed_between():
    same = [replace(group(name), display_name="Sales") for name in ("g1", "g2")]
    with pytest.raises(ConfigurationError) as ambiguous:
        resolve_groups(Scope(groups=("Sales",)), flatten(same), listing_proven=True)
    assert ambiguous.value.code == "scope_group_ambiguous"
    assert resolve_groups(Scope(groups=("g2",)), flatten(same), listing_proven=True)


def test_members_of_unknown_kind_are_people_unless_a_group_has_their_id():
    flat = flatten([replace(group("a"), member_unknown=frozenset({"b", "u1"})), group("b", {"u2"})])
    assert flat["a"].members == {"u1", "u2"}


def test_a_group_is_as_proven_as_everything_below_it():
    flat = flatten(
        [group("a", {"u1"}, {"b"}), group("b", {"u2"}, complete=False), group("c", groups={"x"})]
    )
    assert [flat[name].proven for name in "abc"] == [False, False, False]
    assert flatten([group("a", {"u1"})])["a"].proven


graphs = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.sets(st.integers(0, 9)), st.sets(st.sampled_from("abcdef"))),
    min_size=1,
)


@given(graphs)
def test_flattening_finds_whoever_can_be_reached_round_circles_too(graph):
    given_groups = [
        group(name, {str(p) for p in persons}, {g for g in nested if g in graph})
        for name, (persons, nested) in graph.items()
    ]
    flat = flatten(given_groups)
    for name in graph:
        reached, grew = {name}, True
        while grew:
            more = {g for r in reached for g in graph[r][1] if g in graph} - reached
            reached |= more
            grew = bool(more)
        assert flat[name].members == {str(p) for r in reached for p in graph[r][0]}
        assert flat[name].proven


def test_a_group_that_did_not_change_is_no_change():
    flat = flatten([group("a", {"u1", "u2"})])["a"]
    known = KnownGroup(ExternalId("a"), "a", member_digest(["u2", "u1"]))
    assert plan_group(flat, known, frozenset({"u1", "u2"})) is None


def test_nobody_is_taken_out_of_a_group_that_is_not_proven():
    flat = replace(flatten([group("a", {"u1", "u3"})])["a"], proven=False)
    known = KnownGroup(ExternalId("a"), "a", member_digest(["u1", "u2"]))
    change, digest = plan_group(flat, known, frozenset({"u1", "u2"}))
    assert (change.action, change.added, change.removed) == (Action.UPDATE, {"u3"}, frozenset())
    assert digest == member_digest(["u1", "u2", "u3"])
    assert change.members == 3
