"""A mail server on loopback that keeps what it was given."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.demo_command import free_port


class Letterbox:
    """Use as a context manager; `letters` are the messages in order, twice if sent twice.

    With `password`, the user ``dirsync`` has to sign in with it; `sign_ins` counts who did.
    """

    def __init__(self, *, password: str = "") -> None:
        self._password = password
        self.sign_ins = 0
        self.letters: list[tuple[str, Message]] = []
        self.raw: list[bytes] = []
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=self._sign_in if password else None,
            auth_require_tls=False,
        )

    def _sign_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = data.password.decode() == self._password
        self.sign_ins += right
        return AuthResult(success=right)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a message."""
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        letter = message_from_bytes(content, policy=default)
        self.letters += [(receiver, letter) for receiver in envelope.rcpt_tos]
        return "250 kept"

    @property
    def url(self) -> str:
        """What DIRSYNC_SMTP_URL is set to."""
        who = f"dirsync:{self._password}@" if self._password else ""
        return f"smtp://{who}127.0.0.1:{self._controller.port}?starttls=never"

    def ids_by_receiver(self) -> dict[str, list[str]]:
        """Return the Message-IDs of everybody's letters, as often as they came."""
        found: dict[str, list[str]] = {}
        for receiver, letter in self.letters:
            found.setdefault(receiver, []).append(str(letter["Message-ID"]))
        return found

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
