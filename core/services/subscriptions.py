"""Which channel is told of what: listed, subscribed, ended, muted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.errors import NotFoundError, UsageError
from core.model.account import Actor, Role
from core.model.configuration import Configuration, ConfigurationId
from core.model.events import AlertKind, AlertMark
from core.model.subscriptions import (
    Mute,
    NoticeKind,
    NoticeView,
    Subscription,
    kind_of_alert,
    told_kinds,
)
from core.model.wording import listed
from core.services.configurations import ConfigurationService
from core.services.ground import Ground

MOST = 50
_QUIET = "mute:notice:"
_ACCOUNT = frozenset({NoticeKind.LICENSES, NoticeKind.CHANGES})


def quiet_key(kind: NoticeKind) -> str:
    """Return the key under which a kind of notice is muted."""
    return f"{_QUIET}{kind.value}"


class SubscriptionService:
    """Says where what goes, and changes it. Admins."""

    def __init__(self, ground: Ground, *, configurations: ConfigurationService) -> None:
        self._settings = ground.settings
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._audit = ground.audit
        self._notices = ground.notices
        self._configurations = configurations
        self._wake = ground.wake

    async def show(self, actor: Actor) -> NoticeView:
        """Return where what goes, what is muted, and which channels take nothing."""
        await self._access.require(actor, Role.ADMIN, "notify.list")
        configurations = await self._store.configurations.all()
        names = {each.id: each.name for each in configurations}
        subscriptions = await self._store.subscriptions.all()
        defaults = self._defaults(configurations)
        used = {*defaults, *(each.channel for each in subscriptions)}
        lost = await self._store.subscriptions.lost_channels()
        return NoticeView(
            subscriptions=tuple(subscriptions),
            defaults=defaults,
            names=names,
            mutes=await self._mutes(names),
            lost=tuple(each for each in lost if each.channel in used),
            unheard=_unheard(subscriptions, configurations, self._settings.channel),
        )

    async def subscribe(
        self,
        actor: Actor,
        channel: str,
        kinds: frozenset[NoticeKind],
        configuration: str | None = None,
    ) -> NoticeView:
        """Tell a channel of these kinds from now on, in place of what it was told before.

        With a configuration, of that one only. The channel is greeted first, so that one that
        takes no message is refused: raises `ConflictError` (``cannot_post``). Without a connection
        to Slack that is not tried, and the view says so.
        """
        await self._access.require(actor, Role.ADMIN, "notify.add", channel)
        about = await self._about(configuration)
        known = await self._store.subscriptions.all()
        if len({each.channel for each in known} | {channel}) > MOST:
            raise UsageError(f"More than {MOST} channels cannot be subscribed.")
        greeted = not kinds or await self._greet(actor, channel, _told(kinds, about))
        id_ = about.id if about else None
        before = next((e for e in known if (e.channel, e.configuration) == (channel, id_)), None)
        made = Subscription(
            channel=channel, configuration=id_, kinds=kinds, by=actor.id, at=self._clock.now()
        )
        entry = self._audit.entry(
            actor,
            "notify.add",
            channel,
            before=_as_audited(before),
            after=_as_audited(made),
            configuration=about.name if about else "",
        )
        await self._store.subscriptions.put(made, audit=entry)
        return replace(await self.show(actor), unchecked=not greeted)

    async def unsubscribe(
        self, actor: Actor, channel: str, configuration: str | None = None
    ) -> NoticeView:
        """End a subscription; a channel that is somebody's own is told of nothing from now on.

        Raises `NotFoundError` (``not_subscribed``).
        """
        await self._access.require(actor, Role.ADMIN, "notify.off", channel)
        about = await self._about(configuration)
        view = await self.show(actor)
        if channel in view.defaults:
            return await self.subscribe(actor, channel, frozenset(), configuration)
        id_ = about.id if about else None
        entry = self._audit.entry(
            actor, "notify.off", channel, configuration=about.name if about else ""
        )
        if not await self._store.subscriptions.drop(channel, id_, audit=entry):
            raise NotFoundError(
                "That channel has no such subscription.",
                code="not_subscribed",
                hint="`notify` shows which there are.",
            )
        return await self.show(actor)

    async def mute(
        self, actor: Actor, kinds: frozenset[NoticeKind], *, until: datetime
    ) -> NoticeView:
        """Post nothing new of these kinds until then; what stands is edited all the same."""
        await self._access.require(actor, Role.ADMIN, "notify.mute")
        named = _listed(kinds)
        entry = self._audit.entry(actor, "notify.mute", named, until=until.isoformat())
        keys = [quiet_key(kind) for kind in sorted(kinds)]
        await self._store.alert_marks.mute(keys, by=actor, until=until, audit=entry)
        said = f"muted {named} until {until:%Y-%m-%d %H:%M} UTC"
        await self._notices.record(actor, "notify", said)
        self._wake()
        return await self.show(actor)

    async def unmute(self, actor: Actor, kinds: frozenset[NoticeKind]) -> NoticeView:
        """Let these kinds be heard again, also where an alert's card muted them."""
        await self._access.require(actor, Role.ADMIN, "notify.unmute")
        before = (await self.show(actor)).mutes
        keys = [each.key for each in before if each.kind in kinds]
        if not keys:
            raise NotFoundError("Nothing of that is muted.", code="not_muted")
        entry = self._audit.entry(actor, "notify.unmute", _listed(kinds))
        await self._store.alert_marks.mute(keys, by=actor, until=None, audit=entry)
        await self._notices.record(actor, "notify", f"let {_listed(kinds)} be heard again")
        self._wake()
        return await self.show(actor)

    async def _greet(self, actor: Actor, channel: str, told: str) -> bool:
        """Tell a channel what it will be told; False if there is no connection to try it with."""
        said = f"subscribed this channel to {told}"
        if self._access.workspace is None:
            await self._notices.record(actor, "notify", said, channel=channel)
            return False
        await self._access.workspace.greet(channel, by=actor, text=said)
        return True

    async def _about(self, name: str | None) -> Configuration | None:
        return None if name is None else await self._configurations.resolve(name, channel=None)

    def _defaults(
        self, configurations: Sequence[Configuration]
    ) -> Mapping[str, Sequence[str | None]]:
        found: dict[str, list[str | None]] = {}
        if self._settings.channel is not None:
            found[self._settings.channel] = [None]
        for each in configurations:
            if each.spec.channel is not None:
                found.setdefault(each.spec.channel, []).append(each.name)
        return found

    async def _mutes(self, names: Mapping[ConfigurationId, str]) -> tuple[Mute, ...]:
        marks = await self._store.alert_marks.muted(now=self._clock.now())
        mutes = (_mute(key, mark, names) for key, mark in marks.items())
        return tuple(mute for mute in mutes if mute is not None)


def _mute(key: str, mark: AlertMark, names: Mapping[ConfigurationId, str]) -> Mute | None:
    """Return the mute under a key: of a kind of notice, or of a kind of alert."""
    if mark.until is None:
        return None
    word = key.removeprefix(_QUIET)
    if word in set(NoticeKind):
        return Mute(key=key, kind=NoticeKind(word), about=word, by=mark.by, until=mark.until)
    _, kind, about = (*key.split(":", 2), "", "")[:3]
    if kind not in set(AlertKind):
        return None
    name = names.get(ConfigurationId(about), "")
    shown = f"{kind.replace('_', ' ')}{f' of {name}' if name else ''}"
    told = kind_of_alert(AlertKind(kind))
    return Mute(key=key, kind=told, about=shown, by=mark.by, until=mark.until)


def _unheard(
    subscriptions: Sequence[Subscription],
    configurations: Sequence[Configuration],
    default: str | None,
) -> frozenset[NoticeKind]:
    """Return the kinds that a narrowed channel no longer gets, and no other one either."""
    places: list[tuple[str, str | None]] = [(each.id, each.spec.channel) for each in configurations]
    missing: set[NoticeKind] = set()
    for about, own in [("", None), *places]:
        channel = own or default
        if channel is None or (told := told_kinds(subscriptions, channel, about)) is None:
            continue
        heard = told.union(*(e.kinds for e in subscriptions if e.configuration in (None, about)))
        wanted = _ACCOUNT if not about else frozenset(NoticeKind) - _ACCOUNT
        missing |= wanted - heard
        if NoticeKind.RESULTS in heard:
            missing.discard(NoticeKind.PARTIAL)
    return frozenset(missing)


def _told(kinds: frozenset[NoticeKind], about: Configuration | None) -> str:
    return f"{_listed(kinds)}{f' of {about.name}' if about else ''}"


def _listed(kinds: frozenset[NoticeKind]) -> str:
    """Return kinds in a text, in their own order."""
    if kinds == frozenset(NoticeKind):
        return "everything"
    return listed([kind.value for kind in NoticeKind if kind in kinds] or ["nothing"])


def _as_audited(subscription: Subscription | None) -> dict[str, object]:
    return {"kinds": "" if subscription is None else " ".join(sorted(subscription.kinds))}
