"""Applications that may ask the login API, as documents."""

from __future__ import annotations

from datetime import datetime

from bot.control.documents import Document
from core.model.application import Application


class AppDocument(Document, frozen=True, kw_only=True):
    """An application that may ask the login API; `token` only when it was made just now."""

    name: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None
    token: str | None = None


class AppsDocument(Document, frozen=True, kw_only=True):
    """The applications by name, those that were revoked last."""

    apps: tuple[AppDocument, ...]


def app_document(application: Application, *, token: str | None = None) -> AppDocument:
    """Describe an application, with its token if that was made just now."""
    return AppDocument(
        name=application.name,
        created_at=application.created_at,
        created_by=application.created_by,
        last_used_at=application.last_used_at,
        revoked_at=application.revoked_at,
        token=token,
    )
