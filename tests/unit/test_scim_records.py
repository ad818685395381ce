"""Decoding SCIM people and groups: the right value, or that one record's error."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RecordError
from core.model.directory import ProviderUser
from core.providers.salvage import cut_list, cut_page, top_level_id
from core.providers.scim.attributes import DEFAULT_PATHS, ENTERPRISE
from core.providers.scim.records import UserDecoder, decode_group
from core.providers.unreadable import MAX_TEXT

PERSON = {"id": "i1", "userName": "ann"}


def decode(record: object, *wanted: str) -> ProviderUser:
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    return UserDecoder(wanted).decode(raw)


def refused(record: object, *wanted: str) -> RecordError:
    with pytest.raises(RecordError) as raised:
        decode(record, *wanted)
    return raised.value


@pytest.mark.parametrize(
    ("path", "extra", "value"),
    [
        ("displayName", {"displayName": "Ann"}, "Ann"),
        ("name.givenName", {"name": {"givenName": "Ann"}}, "Ann"),
        ("name.givenName", {"name": None}, None),
        ("title", {"title": None}, None),
        ("enterprise.department", {ENTERPRISE: {"department": "R&D"}}, "R&D"),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "R&D"}}, "R&D"),
        ("enterprise.manager", {ENTERPRISE: {"manager": {"value": "i9"}}}, "i9"),
        ("enterprise.manager", {ENTERPRISE: {"manager": "i9"}}, "i9"),
        ("enterprise.manager.displayName", {ENTERPRISE: {"manager": {"displayName": "B"}}}, "B"),
        ("enterprise.nothing", {ENTERPRISE: {"department": "R&D"}}, None),
        ("emails", {"emails": [{"value": "a@x"}, {"value": "b@x", "primary": True}]}, "b@x"),
        ("emails.home", {"emails": [{"value": "a@x"}, {"value": "b@x", "type": "Home"}]}, "b@x"),
        ("phoneNumbers", {"phoneNumbers": [{"value": "1"}, {"value": "2"}]}, "1"),
        ("phoneNumbers.fax", {"phoneNumbers": [{"value": "1", "type": "work"}]}, None),
        ("urn:acme:2.0:User:badge", {"urn:acme:2.0:User": {"badge": 7}}, 7),
        ("badge", {"badge": "B7"}, "B7"),
        ("address.city", {"address": {"city": "Kiel"}}, "Kiel"),
        ("active", {"active": False}, False),
        ("userName", {}, "ann"),
        ("externalId", {"externalId": "e"}, "e"),
    ],
)
def test_an_attribute_path_finds_its_value(path, extra, value):
    expected = {} if value is None else {path: value}

    assert decode(PERSON | extra, path).attributes == expected


@pytest.mark.parametrize(
    ("active", "expected"),
    [(None, True), (True, True), (False, False), ("True", True), ("false", False)],
)
def test_active_is_understood(active, expected):
    assert decode(PERSON | {"active": active}).active is expected


def test_somebody_is_active_when_the_server_does_not_say():
    assert decode(PERSON).active


def test_the_primary_address_comes_first_and_each_once():
    emails = [{"value": "a@x"}, {"value": "b@x", "primary": "true"}, {"value": "a@x"}, {}]

    assert decode(PERSON | {"emails": emails}).emails == ("b@x", "a@x")


@pytest.mark.parametrize(
    ("record", "attribute", "kind"),
    [
        ({"userName": "ann"}, "id", "nothing"),
        ({"id": "", "userName": "ann"}, "id", "nothing"),
        ({"id": 5, "userName": "ann"}, "id", "number"),
        ({"id": "i" * 600, "userName": "ann"}, "id", "nothing"),
        ({"id": "i1"}, "userName", "nothing"),
        ({"id": "i1", "userName": ["ann"]}, "userName", "list"),
        (PERSON | {"active": "perhaps"}, "active", "text"),
        (PERSON | {"active": 1}, "active", "number"),
        (PERSON | {"emails": ["a@x"]}, "emails", "text"),
        (PERSON | {"emails": [{"value": 5}]}, "emails.value", "number"),
        (PERSON | {"title": {"a": 1}}, "title", "object"),
        (PERSON | {"title": True}, "title", "yes or no"),
        (PERSON | {"title": "x" * (MAX_TEXT + 1)}, "title", "text"),
        (PERSON | {"title": "nul\x00"}, "title", "text"),
        (PERSON | {"badge": 10**69}, "badge", "number"),
        (PERSON | {"badge": ["a"]}, "badge", "list"),
        (PERSON | {ENTERPRISE: {"department": 3}}, "enterprise.department", "number"),
        (b'{"id": "i1", "userName": "ann\\ud800"}', "", "text"),
        (b'{"id": "i1", "userName": "\xff"}', "", "text"),
        (
            b'{"id": "i1", "userName": "a", "title": ' + b"[" * 5000 + b"]" * 5000 + b"}",
            "title",
            "list",
        ),
        (b'{"id": "i1", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "", "object"),
        (b'{"id": ' + b"9" * 70 + b"}", "id", "number"),
        (b"[]", "", "list"),
        (b"", "", "text"),
    ],
)
def test_an_unreadable_record_names_the_attribute_and_its_kind(record, attribute, kind):
    error = refused(record, "title", "badge", "enterprise.department")

    assert (error.attribute, error.value_kind) == (attribute, kind)
    assert error.hint


def test_an_attribute_that_nobody_wants_cannot_spoil_a_record():
    assert decode(PERSON | {"title": 5}, "displayName").user_name == "ann"


def test_the_revision_follows_what_is_wanted():
    assert UserDecoder({"title"}).revision == UserDecoder(["title"]).revision
    assert UserDecoder({"title"}).revision != UserDecoder({"locale"}).revision


def test_the_selection_asks_for_what_the_mapping_needs():
    selection = UserDecoder({"name.givenName", "enterprise.manager", "phoneNumbers.work"}).plan

    assert selection.selection.split(",") == sorted(
        ["userName", "active", "emails", "name", "phoneNumbers", f"{ENTERPRISE}:manager"]
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "type", "primary", "givenName", "manager"]), inner
        )
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "userName", "active", "emails", "name", "title", "phoneNumbers", ENTERPRISE, "members"]
)


@given(st.dictionaries(KEYS, JSON))
def test_any_record_decodes_or_is_its_own_error(record):
    raw = json.dumps(record).encode()
    for decoder in (UserDecoder(DEFAULT_PATHS).decode, decode_group):
        with suppress(RecordError):
            assert decoder(raw).external_id == record["id"]


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_their_own_error(raw):
    for decoder in (UserDecoder(()).decode, decode_group):
        with pytest.raises(RecordError):
            decoder(raw)
    assert isinstance(top_level_id(raw), str)


def test_members_are_told_apart_by_type_or_reference():
    members = [
        {"value": "u1", "type": "User"},
        {"value": "u2", "$ref": "https://x/scim/v2/Users/u2"},
        {"value": "g1", "type": "group"},
        {"value": "g2", "$ref": "../Groups/g2"},
        {"value": "who"},
    ]
    group = decode_group(json.dumps({"id": "g", "displayName": "G", "members": members}).encode())

    assert group.member_users == {"u1", "u2"}
    assert group.member_groups == {"g1", "g2"}
    assert group.member_unknown == {"who"}
    assert group.complete


@pytest.mark.parametrize(
    ("extra", "complete"),
    [({}, False), ({"members": []}, True), ({"members": None}, True), ({"members": [{}]}, False)],
)
def test_a_group_is_complete_when_its_members_were_shown(extra, complete):
    raw = json.dumps({"id": "g", "displayName": "G"} | extra).encode()

    assert decode_group(raw).complete is complete


@given(st.lists(st.dictionaries(KEYS, JSON), max_size=5), st.dictionaries(KEYS, JSON))
def test_a_page_is_cut_into_the_same_records_as_a_decoder_finds(records, others):
    page = others | {"Resources": records, "totalResults": 5}

    skeleton, cut = cut_page(json.dumps(page).encode())

    assert [json.loads(one) for one in cut] == records
    assert json.loads(skeleton) == page | {"Resources": []}


@pytest.mark.parametrize("body", [b"", b"{", b'{"Resources": [', b'{"Resources": 5}', b"[[]]"])
def test_a_broken_page_cannot_be_cut(body):
    assert cut_page(body) is None


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b"[]", []),
        (b' [ {"a": [1, 2]}, {"b": "],["} ] \n', [b'{"a": [1, 2]}', b'{"b": "],["}']),
        (b'[{"id": @}, {}]', [b'{"id": @}', b"{}"]),
        (b'{"a": []}', None),
        (b"[{}", None),
        (b"[{}]]", None),
        (b"", None),
    ],
)
def test_a_page_that_is_a_list_is_cut_between_its_records(body, records):
    assert cut_list(body) == records


def test_a_page_is_cut_at_the_list_that_is_asked_for():
    page = b'{"Resources": [{}], "value": [{"id": "a"}], "more": 1}'

    assert cut_page(page, key="value") == (
        b'{"Resources": [{}], "value": [], "more": 1}',
        [b'{"id": "a"}'],
    )


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"id": "a", "x": [}', "a"),
        (b'{"x": {"id": "inner"}, "id": "outer", "y": @', "outer"),
        (b'{"x": "\\"id\\": \\"fake\\"", "id": "real"}', "real"),
        (b'{"id": "caf\\u00e9"}', "caf\u00e9"),
        (b'{"id": "\\ud800"}', ""),
        (b'{"id": 5}', ""),
        (b"", ""),
    ],
)
def test_the_id_of_a_broken_record_is_found_where_it_is_whole(raw, found):
    assert top_level_id(raw) == found
