"""Invitations by mail: nothing of a name is live, and each failure is worth a retry or is not."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TerminalRemoteError, TransientRemoteError
from core.mail.mailbox import MailboxMailer
from core.mail.message import build_message
from core.mail.smtp import SmtpMailer, parse_smtp_url
from core.mail.templates import Templates
from core.model.account import Invitation, UserId
from core.model.directory import CheckStatus
from tests.support.clocks import WallClock
from tests.support.demo_command import free_port

SENDER = "IT, of Example <it@example.com>"


def invitation(name: str = "Ada", address: str = "ada@example.com") -> Invitation:
    return Invitation(
        id=1,
        user_id=UserId(1),
        email=address,
        display_name=name,
        message_id="<one@dirsync.example>",
        attempts=0,
    )


def message_for(found: Invitation) -> EmailMessage:
    words = Templates().render(found, public_url="https://sync.example")
    built = build_message(found, words, sender=SENDER, clock=WallClock())
    parsed = email.message_from_bytes(built.as_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


@given(st.text(max_size=300))
def test_a_name_adds_no_header_and_no_recipient_and_no_markup(name):
    message = message_for(invitation(name))
    assert message.keys() == HEADERS
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.com"]
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content().count("<p>") == 4


def test_a_hostile_name_is_a_name():
    message = message_for(invitation("Ada\r\nBcc: x@example.com <b>, \u202eeve@example.com"))
    assert "Bcc" not in message
    assert message["Subject"] == "Ada Bcc: x@example.com <b>, eve@example.com, you are invited"
    assert "<b>" not in message.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com, eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "<ada@example.com>",
        "a da@example.com",
        "ada@exa mple.com",
        "ada@example.com\x00",
        "a" * 300 + "@example.com",
        "ada@[127.0.0.1]",
        "ada@" + "x" * 70 + ".com",
    ],
)
def test_an_address_that_is_not_one_recipient_cannot_be_delivered(address):
    with pytest.raises(TerminalRemoteError) as caught:
        message_for(invitation(address=address))
    assert caught.value.code == "mail_address_invalid"


def test_an_international_domain_is_written_in_ascii():
    message = message_for(invitation("Bücher Ölaf", "olaf@bücher.example"))
    assert message["To"].addresses[0].domain == "xn--bcher-kva.example"
    assert message["To"].addresses[0].display_name == "Bücher Ölaf"


async def test_the_mailbox_keeps_one_private_file_per_invitation(tmp_path: Path):
    mailer = MailboxMailer(tmp_path / "mail", sender=SENDER, clock=WallClock())
    for _ in range(2):
        await mailer.send(invitation(), subject="s", text="t", html="<p>t</p>")
    (only,) = (tmp_path / "mail").iterdir()
    assert only.suffix == ".eml"
    assert only.stat().st_mode & 0o077 == 0
    parsed = email.message_from_bytes(only.read_bytes(), policy=email.policy.default)
    assert parsed["Message-ID"] == "<one@dirsync.example>"


async def test_a_mailbox_that_cannot_be_written_is_tried_again(tmp_path: Path):
    (tmp_path / "mail").write_text("a file where the folder should be")
    mailer = MailboxMailer(tmp_path / "mail", sender=SENDER, clock=WallClock())
    with pytest.raises(TransientRemoteError):
        await mailer.send(invitation(), subject="s", text="t", html="h")
    assert (await mailer.check()).status is CheckStatus.FAILED


class Postbox:
    """A mail server that answers as it is told."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.got: list[bytes] = []

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("F"):
            return self.answer[1:]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("R"):
            return self.answer[1:]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("2"):
            self.got.append(envelope.content)
        return self.answer


@pytest.fixture
def post() -> Iterator[tuple[Postbox, str]]:
    box = Postbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    yield box, f"smtp://127.0.0.1:{server.port}"
    server.stop()


def mailer_for(url: str) -> SmtpMailer:
    return SmtpMailer(parse_smtp_url(url), sender=SENDER, clock=WallClock())


async def test_a_mail_server_gets_the_message_and_the_connection_is_kept(post):
    box, url = post
    mailer = mailer_for(url)
    for _ in range(3):
        await mailer.send(invitation(), subject="s", text="t", html="h")
    assert (await mailer.check()).status is CheckStatus.OK
    await mailer.aclose()
    assert [b"<one@dirsync.example>" in content for content in box.got] == [True] * 3


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("R550 no such user ada@example.com", TerminalRemoteError, "mail_bounced"),
        ("F550 sender ada@example.com unknown", TransientRemoteError, "mail_sender_refused"),
        ("R451 later", TransientRemoteError, "mail_deferred"),
        ("554 spam", TerminalRemoteError, "mail_refused"),
        ("452 full", TransientRemoteError, "mail_deferred"),
    ],
)
async def test_each_answer_of_a_server_is_worth_a_retry_or_not(post, answer, kind, code):
    box, url = post
    box.answer = answer
    mailer = mailer_for(url)
    with pytest.raises(kind) as caught:
        await mailer.send(invitation(), subject="s", text="t", html="h")
    assert caught.value.code == code
    assert "ada@example.com" not in str(caught.value)
    box.answer = "250 OK"
    await mailer.send(invitation(), subject="s", text="t", html="h")
    await mailer.aclose()
    assert len(box.got) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_is_required(post):
    box, url = post
    mailer = mailer_for(f"{url}?starttls=required")
    with pytest.raises(TransientRemoteError):
        await mailer.send(invitation(), subject="s", text="t", html="h")
    await mailer.aclose()
    assert box.got == []


async def test_a_server_that_is_not_there_is_tried_again(post):
    mailer = mailer_for("smtp://127.0.0.1:1")
    with pytest.raises(TransientRemoteError) as caught:
        await mailer.send(invitation(), subject="s", text="t", html="h")
    assert caught.value.code == "mail_unreachable"
    assert (await mailer.check()).status is CheckStatus.FAILED


def test_tls_is_the_rule_unless_the_server_is_on_this_machine():
    assert parse_smtp_url("smtp://mail.example").starttls
    assert parse_smtp_url("smtps://mail.example").tls
    assert parse_smtp_url("smtps://mail.example").port == 465
    assert not parse_smtp_url("smtp://localhost:25").starttls
    assert parse_smtp_url("smtp://u%40x:p%3a@mail.example").username == "u@x"
    assert not parse_smtp_url("smtp://mail.example?starttls=never").starttls
