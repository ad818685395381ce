"""What nearly every service stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.ports import Clock
from core.services.access import AccessService
from core.services.audit import AuditService
from core.services.notices import NoticeService
from core.settings import Settings
from core.store.opening import Store


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Given to each service, which takes of it what it uses.

    Attributes:
        wake: to be called after something was queued or put into the outbox, so that the loops
            of this process look at once.
    """

    settings: Settings
    store: Store
    clock: Clock
    audit: AuditService
    access: AccessService
    notices: NoticeService
    wake: Callable[[], None]
