"""Mail as ``.eml`` files in a folder, as long as there is no mail server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path

from core.errors import TransientRemoteError
from core.mail.message import Rendered, build_message
from core.model.account import Invitation
from core.model.directory import CheckLine, CheckStatus
from core.ports import Clock


class MailboxMailer:
    """Writes each message to a file of its own; a repeated attempt replaces the same file."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, invitation: Invitation, *, subject: str, text: str, html: str) -> None:
        """Write the message; raises `TransientRemoteError` (code ``mail_folder``)."""
        rendered = Rendered(subject=subject, text=text, html=html)
        message = build_message(invitation, rendered, sender=self._sender, clock=self._clock)
        name = hashlib.sha256(invitation.message_id.encode()).hexdigest()[:24]
        await asyncio.to_thread(self._write, f"{name}.eml", message.as_bytes())

    async def check(self) -> CheckLine:
        """Say whether the folder can be written."""
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as error:
            return CheckLine(
                name="Mail",
                status=CheckStatus.FAILED,
                detail=f"the folder {self._folder} cannot be written ({error.strerror})",
                hint="Correct its rights, or set DIRSYNC_SMTP_URL.",
                code="mail_folder",
            )
        return CheckLine(
            name="Mail",
            status=CheckStatus.WARNING,
            detail=f"messages are kept as files in {self._folder}",
            hint="Set DIRSYNC_SMTP_URL to send them.",
            code="mail_not_sent",
        )

    async def aclose(self) -> None:
        """There is nothing to release."""

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._folder):
            pass

    def _write(self, name: str, content: bytes) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(part).replace(self._folder / name)
        except OSError as error:
            raise TransientRemoteError(
                f"The mail folder cannot be written ({error.strerror}).",
                code="mail_folder",
                hint="Correct its rights, or make room.",
            ) from error
