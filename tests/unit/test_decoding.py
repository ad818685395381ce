"""Ids out of many records in one step, and of each alone where one of them is unwell."""

import pytest

from core.providers.decoding import id_of, ids_of
from core.providers.google.records import members_in

WELL = [b'{"id":"a","status":"ACTIVE"}', b'{"id":"b"}']


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([], []),
        (WELL, ["a", "b"]),
        ([*WELL, b'{"id":7}'], ["a", "b", None]),
        ([*WELL, b'{"id":"c","name":"\xff"}'], ["a", "b", "c"]),
        ([*WELL, b"{}"], ["a", "b", None]),
        ([*WELL, b'{"id":"c"},{"id":"d"}'], None),
        ([*WELL, b'{"id":"x\\u0000y"}'], ["a", "b", None]),
        ([*WELL, b"nothing"], ["a", "b", None]),
    ],
)
def test_ids_of_a_page_are_those_of_its_records(records, found):
    assert list(ids_of(records)) == [id_of(raw) for raw in records]
    assert found is None or list(ids_of(records)) == found


@pytest.mark.parametrize(
    ("records", "ids"),
    [
        ([b'{"id":"1","type":"USER"}', b'{"id":"2","type":"GROUP"}'], ["1", "2"]),
        ([b'{"id":"1","type":"USER"}', b'{"id":"","type":"EXTERNAL"}'], ["1"]),
        ([b'{"id":"1","type":"USER"}', b'{"id":"2","type":"ROBOT"}'], None),
        ([b'{"id":"1","type":"USER"}', b'{"id":"","type":"USER"}'], None),
        ([b'{"id":"1","type":"USER"}', b"broken"], None),
        ([b'{"id":"1","type":"USER"},{"id":"2","type":"USER"}'], None),
    ],
)
def test_members_are_told_whole_or_not_at_all(records, ids):
    members = members_in(records)

    assert (None if members is None else [one.id for one in members]) == ids
