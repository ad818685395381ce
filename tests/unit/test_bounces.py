"""Delivery reports: what came back for good, in the forms that mail servers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.mail.bounces import Bounce, read_report

OURS = "<invitation-12.c-7k2m9q4x@dirsync>"
REPORT = """\
From: MAILER-DAEMON@mail.example
To: it@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I am sorry. {said}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; ada@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--b
Content-Type: {kind}

From: it@example.com
Message-ID: {id}
Subject: Ada, you are invited

--b--
"""


def report(**changes: str) -> bytes:
    values = {
        "action": "failed",
        "status": "5.1.1",
        "kind": "message/rfc822",
        "id": OURS,
        "said": "",
    }
    return REPORT.format(**{**values, **changes}).encode()


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_failure_names_the_message_that_came_back(kind):
    assert read_report(report(kind=kind)) == Bounce(message_id=OURS, status="5.1.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "delayed", "status": "4.4.1"},
        {"action": "delivered", "status": "2.0.0"},
        {"action": "failed", "status": "4.2.2"},
        {"id": "<somebody@else.example>"},
        {"id": "", "said": f"Message-ID: {OURS}"},
    ],
)
def test_a_delay_a_delivery_and_a_message_of_others_are_none(changes):
    assert read_report(report(**changes)) is None


def test_anything_else_is_no_delivery_report():
    for content in (b"", b"Subject: out of office\n\nI am away.", b"\xff\x00" * 100):
        with pytest.raises(UsageError):
            read_report(content)


@given(st.binary(max_size=300), st.integers(0, 600))
def test_a_damaged_report_raises_nothing_else(noise: bytes, at: int):
    content = report()
    try:
        found = read_report(content[:at] + noise + content[at:])
    except UsageError:
        return
    assert found is None or found.status.startswith("5")
