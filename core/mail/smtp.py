"""Mail through a mail server (RFC 5321), with TLS unless the server is on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from core.errors import RemoteError, TerminalRemoteError, TransientRemoteError
from core.mail.message import Rendered, build_message
from core.model.account import Invitation
from core.model.directory import CheckLine, CheckStatus
from core.ports import Clock
from core.settings import is_loopback

TIMEOUT = 30.0
_PERMANENT = 500


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """A mail server.

    Attributes:
        tls: TLS from the first byte (``smtps://``, usually port 465).
        starttls: TLS before anything is said (``smtp://``, usually port 587); the connection is
            given up if the server does not offer it.
    """

    host: str
    port: int
    tls: bool
    starttls: bool
    username: str | None
    password: SecretStr | None


def parse_smtp_url(url: str) -> SmtpServer:
    """Take apart a URL that `core.settings` has accepted."""
    parts = urlsplit(url)
    tls = parts.scheme == "smtps"
    host = parts.hostname or ""
    plain = parts.query == "starttls=never" or (
        is_loopback(host) and parts.query != "starttls=required"
    )
    return SmtpServer(
        host=host,
        port=parts.port or (465 if tls else 587),
        tls=tls,
        starttls=not tls and not plain,
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


class SmtpMailer:
    """Sends messages over one connection that is kept and renewed."""

    def __init__(self, server: SmtpServer, *, sender: str, clock: Clock) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._turn = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, invitation: Invitation, *, subject: str, text: str, html: str) -> None:
        """Hand one message to the server.

        Raises `TransientRemoteError` for what may pass (4xx replies, a refused sign-in, a lost
        connection) and `TerminalRemoteError` for what will not (5xx replies).
        """
        rendered = Rendered(subject=subject, text=text, html=html)
        message = build_message(invitation, rendered, sender=self._sender, clock=self._clock)
        async with self._turn:
            try:
                await self._send(message)
            except (aiosmtplib.SMTPException, OSError) as error:
                await self._drop()
                raise _explain(error) from error

    async def check(self) -> CheckLine:
        """Say whether the server can be reached and signed in to."""
        where = f"{self._server.host}:{self._server.port}"
        async with self._turn:
            try:
                client = await self._connected()
                await client.noop()
            except (aiosmtplib.SMTPException, OSError) as error:
                await self._drop()
                told = _explain(error)
                return CheckLine(
                    name="Mail",
                    status=CheckStatus.FAILED,
                    detail=f"{where}: {told.message}",
                    hint=told.hint or "Check DIRSYNC_SMTP_URL.",
                    code=told.code,
                )
        return CheckLine.ok("Mail", f"{where} answers")

    async def aclose(self) -> None:
        """Say goodbye to the server; safe to call twice."""
        async with self._turn:
            await self._drop()

    async def _send(self, message: EmailMessage) -> None:
        client = await self._connected()
        await client.send_message(message)

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=server.starttls,
            username=server.username,
            password=None if server.password is None else server.password.get_secret_value(),
            timeout=TIMEOUT,
        )
        await client.connect()
        self._client = client
        return client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await client.quit(timeout=2)
        except (aiosmtplib.SMTPException, OSError):
            client.close()


def _explain(error: Exception) -> RemoteError:
    """Translate a failure without the server's words, which may repeat addresses."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return TransientRemoteError(
            "The mail server refused the sign-in.",
            code="mail_sign_in",
            hint="Check the user and password in DIRSYNC_SMTP_URL.",
            status=error.code,
        )
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return TransientRemoteError(
            "The mail server refused the sender.",
            code="mail_sender_refused",
            hint="Check DIRSYNC_MAIL_FROM.",
            status=error.code,
        )
    code = _reply_code(error)
    bounced = isinstance(error, aiosmtplib.SMTPRecipientsRefused)
    if code is not None and code >= _PERMANENT and bounced:
        return TerminalRemoteError(
            f"The mail server refused the address ({code}).", code="mail_bounced", status=code
        )
    if code is not None and code >= _PERMANENT:
        return TerminalRemoteError(
            f"The mail server refused the message ({code}).", code="mail_refused", status=code
        )
    if code is not None:
        return TransientRemoteError(
            f"The mail server asked to try later ({code}).", code="mail_deferred", status=code
        )
    return TransientRemoteError(
        "The mail server could not be reached or hung up.",
        code="mail_unreachable",
        hint="Check host, port and TLS in DIRSYNC_SMTP_URL.",
    )


def _reply_code(error: Exception) -> int | None:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return max((each.code for each in error.recipients), default=_PERMANENT)
    if isinstance(error, aiosmtplib.SMTPConnectResponseError):
        return None
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code
    return None
