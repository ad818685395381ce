"""An invitation as a mail message in which nothing from the directory is live."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from core.errors import TerminalRemoteError
from core.model.account import Invitation, MailPurpose
from core.ports import Clock

LONGEST_NAME = 100
_SUBJECTS = {
    MailPurpose.INVITATION: "you are invited",
    MailPurpose.WELCOME: "you have a license now",
}
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The words of one message."""

    subject: str
    text: str
    html: str


def shipped_subject(purpose: MailPurpose, name: str) -> str:
    """Return the subject that a message has unless an admin's own takes its place."""
    said = _SUBJECTS[purpose]
    return f"{name}, {said}" if name else f"{said[0].upper()}{said[1:]}"


def plain_name(value: str, longest: int = LONGEST_NAME) -> str:
    """Return a name on one line, without control, format and private characters."""
    kept = "".join(
        " " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each
        for each in value[: longest * 4]
        if unicodedata.category(each) not in {"Cf", "Cs", "Co", "Cn"}
    )
    name = " ".join(kept.split())
    return name if len(name) <= longest else name[: longest - 1] + "…"


def build_message(
    invitation: Invitation, rendered: Rendered, *, sender: str, clock: Clock
) -> EmailMessage:
    """Return the message (RFC 5322) with the invitation's own Message-ID.

    Raises `TerminalRemoteError` (code ``mail_address_invalid``) for an address that cannot be
    one recipient.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _sender(sender)
    message["To"] = recipient(invitation)
    message["Subject"] = plain_name(rendered.subject, 180)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = _message_id(invitation.message_id)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def recipient(invitation: Invitation) -> Address:
    """Return the one recipient; a comma, a bracket or white space cannot make it several."""
    local, _, domain = invitation.email.strip().rpartition("@")
    if (
        len(invitation.email) > _LONGEST_ADDRESS
        or not re.fullmatch(r"[^\s\x00-\x1f\x7f<>(),:;@\\\"\[\]]+", local)
        or not domain
    ):
        raise _invalid()
    try:
        host = domain.encode("idna").decode("ascii")
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", host):
            raise _invalid()
        return Address(
            display_name=plain_name(invitation.display_name), username=local, domain=host
        )
    except (UnicodeError, ValueError, IndexError):
        raise _invalid() from None


def _sender(text: str) -> Address:
    """Return the sender that `core.settings` has accepted; a comma in its name is a comma."""
    name, _, spec = text.rpartition("<")
    local, _, domain = spec.rstrip("> ").rpartition("@")
    return Address(display_name=plain_name(name).strip('"'), username=local, domain=domain)


def _message_id(value: str) -> str:
    bare = re.sub(r"[^\w.@+-]", "", value, flags=re.ASCII)
    return f"<{bare}>"


def _invalid() -> TerminalRemoteError:
    return TerminalRemoteError(
        "The address is not one that a message can be sent to.",
        code="mail_address_invalid",
        hint="Correct it at the identity provider.",
    )
