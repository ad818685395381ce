"""Active Directory's DirSync control, byte by byte, and the process that sends it."""

import subprocess
import sys
import uuid

import msgspec
import pytest

from core.providers.ldap.ad_sweep import looked_at_by
from core.providers.ldap.ad_wire import Changed, SweepAnswer
from core.providers.ldap.ad_worker import _change
from core.providers.ldap.wire import LENGTH_BYTES, NOT_INSTALLED, Failed

pytest.importorskip("pyasn1")

from core.providers.ldap.ad_control import read_answer, request_value

WITHOUT = """
import sys
sys.modules["ldap"] = None
from core.providers.ldap.ad_worker import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""
GUID = "c0d49c21-4f6a-48ee-bb9b-7951398ff7d8"


@pytest.mark.parametrize(
    ("cookie", "encoded"),
    [
        (b"", "300d 0204 80000001 0203 100000 0400"),
        (b"SDSM\x03", "3012 0204 80000001 0203 100000 0405 5344534d03"),
    ],
)
def test_a_request_has_flags_most_bytes_and_cookie(cookie, encoded):
    """OBJECT_SECURITY 0x1 and INCREMENTAL_VALUES 0x80000000; at least 0x100000 bytes."""
    assert request_value(cookie) == bytes.fromhex(encoded)


@pytest.mark.parametrize(
    ("encoded", "more"),
    [
        ("300a 020100 020100 0402 abcd", False),
        ("300a 020101 020100 0402 abcd", True),
        ("300d 02040fffffff 020100 0402 abcd", True),
        ("3084 00000016 0284 00000001 01 0284 00000001 00 0484 00000002 abcd", True),
    ],
)
def test_an_answer_says_whether_there_is_more_and_where_to_go_on(encoded, more):
    """The last one has every length in four bytes, as Windows writes them (X.690 §8.1.3.5)."""
    answer = read_answer(bytes.fromhex(encoded))

    assert (answer.more, answer.cookie) == (more, b"\xab\xcd")


@pytest.mark.parametrize(
    "encoded",
    ["", "30", "3003 020101", "300a 020100 020100 0402 abcd 00", "0402 abcd", "30" * 50],
)
def test_whatever_else_is_no_answer(encoded):
    with pytest.raises(ValueError):  # noqa: PT011 - the caller needs no more
        read_answer(bytes.fromhex(encoded))


def test_of_an_entry_only_its_id_and_what_became_of_it_are_kept():
    id_ = uuid.UUID(GUID).bytes_le

    assert [
        _change({"objectGUID": [id_], "isDeleted": [b"TRUE"], "name": [b"x"]}),
        _change({"objectGUID": [id_], "member;range=0-0": [b"CN=x"], "isDeleted": []}),
        _change({"OBJECTGUID": [id_], "objectClass": [b"top"], "name": [b"x"], "mail": [b"m"]}),
        _change({"objectGUID": [b"short"]}),
        _change({}),
    ] == [
        Changed(id=GUID, deleted=True, renamed=True, new=False),
        Changed(id=GUID, deleted=False, renamed=False, new=False),
        Changed(id=GUID, deleted=False, renamed=True, new=True),
        Changed(id="", deleted=False, renamed=False, new=False),
        Changed(id="", deleted=False, renamed=False, new=False),
    ]


def test_without_the_library_the_process_says_so():
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=b"", capture_output=True, check=True
    )

    answer = msgspec.json.decode(ran.stdout[LENGTH_BYTES:], type=SweepAnswer)
    assert isinstance(answer, Failed)
    assert answer.code == NOT_INSTALLED


def test_attributes_that_a_filter_looks_at_are_watched():
    text = (
        "(&(objectCategory=person)(!(employeeType=robot))(|(l=Berlin)(logonCount>=5)(sn~=x))"
        "(userAccountControl:1.2.840.113556.1.4.803:=2)(description=a\\28b=c\\29))"
    )

    assert looked_at_by(text) == [
        *("objectCategory", "employeeType", "l", "logonCount", "sn"),
        *("userAccountControl", "description"),
    ]
