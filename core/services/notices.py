"""What the channel is told beside the cards: records, alerts and the labelled test message."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from core.errors import NotFoundError
from core.model.account import Actor, LicenseSummary, Role
from core.model.configuration import Configuration, ConfigurationId
from core.model.cycle import Cycle, CycleResult
from core.model.events import (
    AlertKind,
    AlertMark,
    EventKind,
    NewOutboxItem,
    OutboxItem,
    mute_key,
)
from core.model.views import AlertView
from core.ports import Clock
from core.services.access import AccessService
from core.services.audit import AuditService
from core.services.mail_words import held_up
from core.settings import Settings
from core.store.opening import Store

_TITLES = {
    AlertKind.SYNC_FAILED: "Sync failed",
    AlertKind.SIGN_IN_NEEDED: "Sign-in needed",
    AlertKind.RECOVERED: "Sync recovered",
    AlertKind.CYCLE_RESUMED: "Cycle resumed",
    AlertKind.GIVEN_UP: "Disabled",
    AlertKind.LICENSES: "Licenses are running out",
    AlertKind.MAIL: "Invitations are not sent",
    AlertKind.TEST: "Test message",
}


class NoticeService:
    """Queues messages in the outbox and says what they show now."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        clock: Clock,
        access: AccessService,
        audit: AuditService,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._access = access
        self._audit = audit

    async def test(self, actor: Actor, channel: str | None = None) -> None:
        """Queue a message that is labelled as a test, for `channel` or the default one."""
        await self._access.require(actor, Role.ADMIN, "notify.test", channel or "")
        key = f"alert:{AlertKind.TEST.value}:{secrets.token_hex(4)}"
        await self._audit.add(self._audit.entry(actor, "notify.test", channel or ""))
        payload: dict[str, object] = {
            "kind": AlertKind.TEST.value,
            "message": f"{actor.name} asked for this test message. Nothing has happened.",
            "hint": "If you can read this, alerts reach this channel.",
        }
        await self._put(key, EventKind.ALERT, channel or self._settings.channel, payload)

    async def record(
        self, actor: Actor, text_key: str, text: str, *, channel: str | None = None
    ) -> None:
        """Queue the one public line about something that changed the world.

        `text` follows the actor's name ("set the licenses from 100 to 120") and names nobody
        else. The payload has `text_key`, `text`, `actor` and `actor_name`.
        """
        payload: dict[str, object] = {
            "text_key": text_key,
            "text": text,
            "actor": actor.id,
            "actor_name": actor.name,
        }
        key = f"record:{text_key}:{secrets.token_hex(4)}"
        await self._put(key, EventKind.RECORD, channel or self._settings.channel, payload)

    async def alert(self, item: OutboxItem) -> AlertView:
        """Return what an ALERT item shows now: its words, and the present state behind it."""
        payload, key = item.payload, item.copy_of or item.key
        kind = AlertKind(str(payload.get("kind", AlertKind.SYNC_FAILED.value)))
        configuration = await self._configuration(payload)
        cycle = await self._latest(configuration)
        licenses = await self._store.licenses.summary()
        about = configuration.id if configuration else ""
        text, hint = _words(kind, payload)
        return AlertView(
            kind=kind,
            key=key,
            seen=await self._store.alert_marks.get(key),
            muted=await self._muted(kind, about),
            title=_title(kind, licenses),
            text=text,
            hint=hint,
            resolved=bool(payload.get("resolved"))
            or _over(kind, configuration, cycle)
            or (configuration is None and bool(payload.get("configuration_id"))),
            configuration=configuration,
            cycle=cycle,
            licenses=licenses,
        )

    async def _muted(self, kind: AlertKind, about: str) -> AlertMark | None:
        mark = await self._store.alert_marks.get(mute_key(kind, about))
        over = mark is None or mark.until is None or mark.until <= self._clock.now()
        return None if over else mark

    async def _configuration(self, payload: Mapping[str, object]) -> Configuration | None:
        wanted = payload.get("configuration_id")
        if not isinstance(wanted, str) or not wanted:
            return None
        try:
            return await self._store.configurations.get(ConfigurationId(wanted))
        except NotFoundError:
            return None

    async def _latest(self, configuration: Configuration | None) -> Cycle | None:
        if configuration is None:
            return None
        return await self._store.cycles.latest(configuration.id, finished=True)

    async def _put(
        self, key: str, kind: EventKind, channel: str | None, payload: dict[str, object]
    ) -> None:
        item = NewOutboxItem(
            key=key, stream=key, kind=kind, subject=key, channel=channel, payload=payload
        )
        await self._store.outbox.put([item], now=self._clock.now())


def _words(kind: AlertKind, payload: Mapping[str, object]) -> tuple[str, str]:
    """Return what an alert says and what to do."""
    if kind is AlertKind.MAIL:
        why, hint = held_up(str(payload.get("cause", "")))
        return f"Invitations by mail wait, because {why}. None is lost.", hint
    return str(payload.get("message", "")), str(payload.get("hint", ""))


def _title(kind: AlertKind, licenses: LicenseSummary) -> str:
    if kind is AlertKind.LICENSES and licenses.ready:
        return "Licenses are free for who waits"
    if kind is AlertKind.LICENSES and not licenses.free:
        return "Licenses are exhausted"
    return _TITLES[kind]


def _over(kind: AlertKind, configuration: Configuration | None, cycle: Cycle | None) -> bool:
    """Whether the cause of an alert is gone by now, whatever was true when it was stored."""
    if configuration is not None and kind is AlertKind.GIVEN_UP:
        return configuration.enabled
    if configuration is None or cycle is None:
        return False
    if kind is AlertKind.SIGN_IN_NEEDED:
        return configuration.stopped_reason is None and cycle.result is not CycleResult.FAILURE
    if kind is AlertKind.SYNC_FAILED:
        return cycle.result in (CycleResult.SUCCESS, CycleResult.PARTIAL_SUCCESS)
    return False
