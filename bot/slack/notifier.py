"""Brings outbox items to Slack: what is shown is read at delivery, so no card is ever old."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import structlog

from bot.slack.blocks import Message
from bot.slack.client import DEAD_TOKEN, NO_CHANNEL, Posted, SlackClient
from bot.slack.homes import show_anew
from bot.slack.routing import News, Router, Way
from bot.slack.views import alerts, run_card
from bot.slack.views.held import held_card
from core.app import Core
from core.errors import NotFoundError, RemoteError, TerminalRemoteError, TransientRemoteError
from core.model.configuration import ConfigurationId
from core.model.cycle import Cycle, CycleResult, CycleState, Trigger
from core.model.events import Delivery, EventKind, NewOutboxItem, OutboxItem
from core.model.subscriptions import NoticeKind, kinds_of
from core.model.views import AlertView, CycleView

PACE = 2.5
"""Seconds between two edits of a card that is still under way."""
UNTOLD = 10.0
"""Seconds for which a scheduled cycle runs without a card."""
MOST_PACED = 1000
EARLIER = 5
GONE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
)
"""Refusals of an edit after which the card is posted anew."""
AT_A_TERMINAL = "cli:"
"""Begins the actor id of somebody who sees in a terminal what comes of their sync."""
OVER = "over:"
THREAD = "thread"
RESOLVED = "resolved"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Card:
    """What an item shows now.

    Attributes:
        under_way: it will change again soon, so an edit may wait for its turn.
        over: an alert that is resolved; the next one of its key is a new message.
        owner: an actor id that should know if the channel is gone.
        thread: what belongs into its thread once this stands.
        news: what it is, by what channels subscribe to.
    """

    message: Message
    under_way: bool = False
    over: bool = False
    owner: str = ""
    thread: NewOutboxItem | None = None
    reply_to: Posted | None = None
    news: News = field(default_factory=News)

    @property
    def digest(self) -> str:
        """What `Delivery.shown` says when this is shown."""
        packed = json.dumps(self.message.payload(), sort_keys=True, default=str)
        digest = hashlib.sha256(packed.encode()).hexdigest()[:32]
        return f"{OVER if self.over else ''}{digest}"


class SlackNotifier:
    """Implements `core.ports.Notifier` over a `SlackClient`.

    `pace` is the number of seconds between two edits of a card that is under way. When something
    new has happened (an end, an alert, a record), the Home tabs that may be looked at are due.

    Attributes:
        token_refused: Slack's code for why the token no longer works, or None.
    """

    def __init__(
        self,
        *,
        core: Core,
        client: SlackClient,
        pace: float = PACE,
    ) -> None:
        self._core = core
        self._client = client
        self._pace = pace
        self._router = Router(core, client)
        self._edited: OrderedDict[str, float] = OrderedDict()
        self._left_out = False
        self.token_refused: str | None = None

    async def deliver(self, item: OutboxItem, shown: Delivery | None) -> Delivery | None:
        """Bring the present state of `item.subject` to its channel; see `core.ports.Notifier`.

        Raises `TransientRemoteError` (also ``paced``: the card's next edit is not due yet) and
        `TerminalRemoteError` (``token_revoked``, ``no_channel``, or Slack's own code).
        """
        if item.kind is EventKind.HOME:
            await show_anew(self._core, self._client, item.subject)
            return None
        standing = shown if shown is not None and shown.ts else None
        card = await self._card(item, standing)
        if card is None:
            return shown
        if standing is not None and standing.shown == card.digest:
            return standing
        try:
            delivery = await self._bring(item, standing, card)
        except TerminalRemoteError as error:
            raise self._classed(error) from None
        if not card.under_way and card.reply_to is None and item.copy_of is None:
            await self._happened()
        if delivery is None:
            return shown
        self.token_refused = None
        if card.thread is not None:
            await self._core.store.outbox.put([card.thread], now=self._core.clock.now())
        return delivery

    async def _happened(self) -> None:
        await self._core.store.home_viewers.show_anew(now=self._core.clock.now())

    def _classed(self, error: TerminalRemoteError) -> TerminalRemoteError:
        if error.code not in DEAD_TOKEN:
            return error
        self.token_refused = error.code
        _log.error("slack_token_refused", code=error.code)
        return TerminalRemoteError(
            "Slack no longer accepts the bot's token.",
            code="token_revoked",
            hint="Install the app again and set SLACK_BOT_TOKEN.",
        )

    async def _card(self, item: OutboxItem, shown: Delivery | None) -> _Card | None:
        try:
            if item.kind is EventKind.CYCLE_CARD:
                return await self._cycle(item, shown)
            if item.kind is EventKind.HELD_CARD:
                return await self._held(item)
            if item.kind is EventKind.ALERT:
                return await self._alert(item, shown)
            if item.kind is EventKind.RECORD:
                return await self._record(item)
        except NotFoundError:
            _log.info("slack_item_without_subject", key=item.key)
        return None

    async def _held(self, item: OutboxItem) -> _Card:
        held = await self._core.held.card(item.subject)
        news = News(kinds=frozenset({NoticeKind.HELD}), about=held.configuration_id)
        return _Card(message=held_card(held), owner=held.requested_by, news=news)

    async def _cycle(self, item: OutboxItem, shown: Delivery | None) -> _Card | None:
        view = await self._core.history.card(item.subject)
        cycle = view.cycle
        finished = cycle.state is CycleState.FINISHED
        if cycle.dry_run or (shown is None and await self._untold(view)):
            if finished:
                await self._happened()
            return None
        details = run_card.thread_details(view) if finished else None
        thread = details and NewOutboxItem(
            key=f"thread:{item.key.removeprefix('cycle:')}",
            stream=item.stream,
            kind=EventKind.RECORD,
            subject=cycle.id,
            channel=item.channel,
            payload={"text_key": THREAD, "card": item.key},
        )
        return _Card(
            message=run_card.run_card(view, self._core.clock.now()),
            under_way=not finished,
            owner=cycle.requested_by,
            thread=thread or None,
            news=News(kinds=_kinds(cycle), about=cycle.configuration_id),
        )

    async def _untold(self, view: CycleView) -> bool:
        """Whether a scheduled cycle has nothing to tell: no change and nothing new that is wrong.

        While it runs, it is not told of in its first seconds. What one person's cycle found is
        told to whoever asked, and here only what it changed.
        """
        cycle = view.cycle
        if cycle.trigger is Trigger.ON_DEMAND:
            return cycle.state is not CycleState.FINISHED or not cycle.counts.changed
        if cycle.trigger is not Trigger.SCHEDULED:
            return False
        if cycle.state is not CycleState.FINISHED:
            began = cycle.started_at or self._core.clock.now()
            return (self._core.clock.now() - began).total_seconds() < UNTOLD
        if cycle.counts.changed:
            return False
        fine = cycle.result is CycleResult.SUCCESS and cycle.postponed is None
        return fine or await self._known(view)

    async def _known(self, view: CycleView) -> bool:
        """Whether the cycle before ended with the very same troubles."""
        earlier = await self._core.store.cycles.list(
            configuration=view.cycle.configuration_id, limit=EARLIER
        )
        for cycle in earlier:
            if cycle.dry_run or cycle.requested_at >= view.cycle.requested_at:
                continue
            return _troubles(await self._core.history.card(cycle.id)) == _troubles(view)
        return False

    async def _alert(self, item: OutboxItem, shown: Delivery | None) -> _Card | None:
        view = await self._core.notices.alert(item)
        resolved = view.resolved and view.kind not in alerts.GOOD_NEWS
        standing = shown is not None and not shown.shown.startswith(OVER)
        if not standing and (resolved or view.muted):
            return None
        thread = None
        if resolved and shown is not None and not shown.shown.startswith(OVER):
            thread = _line_of_resolution(item, shown)
        owner = view.configuration.created_by if view.configuration else ""
        message = alerts.alert_card(view)
        news = News(
            kinds=kinds_of(item.kind, item.payload),
            about=view.configuration.id if view.configuration else "",
        )
        return _Card(message=message, over=resolved, owner=owner, thread=thread, news=news)

    async def _record(self, item: OutboxItem) -> _Card | None:
        key = item.payload.get("text_key")
        if key == THREAD:
            return await self._details(item)
        if key == RESOLVED:
            return await self._resolution(item)
        owner = str(item.payload.get("actor", ""))
        news = News(kinds=kinds_of(item.kind, item.payload))
        return _Card(message=alerts.record_line(item.payload), owner=owner, news=news)

    async def _details(self, item: OutboxItem) -> _Card | None:
        view = await self._core.history.card(item.subject)
        message = run_card.thread_details(view)
        card = await self._core.store.outbox.delivery(
            str(item.payload.get("card") or f"cycle:{item.subject}")
        )
        if message is None or card is None or not card.ts:
            return None
        return _Card(message=message, reply_to=Posted(channel=card.channel, ts=card.ts))

    async def _resolution(self, item: OutboxItem) -> _Card | None:
        channel, ts = str(item.payload.get("channel", "")), str(item.payload.get("ts", ""))
        alert = replace(item, payload={**item.payload, "text_key": ""})
        view: AlertView = await self._core.notices.alert(alert)
        if not channel or not ts:
            return None
        return _Card(message=alerts.resolved_line(view), reply_to=Posted(channel=channel, ts=ts))

    async def _bring(
        self, item: OutboxItem, shown: Delivery | None, card: _Card
    ) -> Delivery | None:
        """Edit the card that stands, or post it where it is to be told; None where it is not."""
        new_episode = shown is not None and shown.shown.startswith(OVER) and not card.over
        if shown is None or new_episode:
            posted = await self._tell(item, card)
        else:
            posted = await self._edit(item, shown, card)
        if posted is None:
            return None
        self._note_edit(item.key)
        return Delivery(key=item.key, channel=posted.channel, ts=posted.ts, shown=card.digest)

    async def _tell(self, item: OutboxItem, card: _Card) -> Posted | None:
        """Post something new where it is to be told; None where it is not."""
        if self._seen_in_a_terminal(item, card):
            return None
        way = await self._router.way(item, card.news)
        if way is Way.PRIVATELY:
            return await self._post_privately(item, card, cause="no_channel")
        return await self._post(item, card) if way is Way.CHANNEL else None

    async def _edit(self, item: OutboxItem, shown: Delivery, card: _Card) -> Posted | None:
        self._keep_pace(item.key, card)
        try:
            return await self._client.update(
                Posted(channel=shown.channel, ts=shown.ts), card.message
            )
        except TerminalRemoteError as error:
            if error.code not in GONE | NO_CHANNEL:
                raise
            _log.info("slack_card_gone", code=error.code, key=item.key)
        return await self._post(item, card)

    def _keep_pace(self, key: str, card: _Card) -> None:
        now = self._core.clock.monotonic()
        wait = self._pace - (now - self._edited.get(key, now - self._pace))
        if card.under_way and wait > 0:
            raise TransientRemoteError(
                "The card was edited a moment ago.", code="paced", retry_after=wait
            )

    def _note_edit(self, key: str) -> None:
        self._edited[key] = self._core.clock.monotonic()
        self._edited.move_to_end(key)
        while len(self._edited) > MOST_PACED:
            self._edited.popitem(last=False)

    async def _post(self, item: OutboxItem, card: _Card) -> Posted | None:
        """Post to the item's channel; None for a copy whose channel takes nothing."""
        channel = self._router.channel_of(item)
        if card.reply_to is not None:
            return await self._client.post(
                card.reply_to.channel, card.message, thread_ts=card.reply_to.ts, key=item.key
            )
        if channel is None:
            return await self._post_privately(item, card, cause="no_channel")
        try:
            posted = await self._client.post(channel, card.message, key=item.key)
        except TerminalRemoteError as error:
            if error.code not in NO_CHANNEL:
                raise
            _log.warning("slack_channel_gone", code=error.code, channel=channel, key=item.key)
            await self._router.refused(item, channel, error.code)
            if item.copy_of is not None:
                return None
            return await self._post_privately(item, card, cause=error.code)
        await self._router.took(channel)
        return posted

    def _seen_in_a_terminal(self, item: OutboxItem, card: _Card) -> bool:
        """Whether a terminal showed this cycle and no channel is there for it; logged once."""
        if item.kind is not EventKind.CYCLE_CARD or not card.owner.startswith(AT_A_TERMINAL):
            return False
        if self._router.channel_of(item) is not None:
            return False
        if not self._left_out:
            _log.info(
                "slack_cards_left_out",
                reason="Syncs from the command line have no channel for their cards.",
                hint="Set DIRSYNC_CHANNEL, or a channel in the configuration, for those to come.",
            )
        self._left_out = True
        return True

    async def _post_privately(self, item: OutboxItem, card: _Card, *, cause: str) -> Posted:
        """Post to whoever is in charge: the owner, else the first admin who answers."""
        for user in await self._in_charge(item, card):
            try:
                direct = await self._client.direct(user)
                return await self._client.post(direct, card.message, key=item.key)
            except TerminalRemoteError as error:
                if error.code in DEAD_TOKEN:
                    raise
                _log.info("slack_owner_unreachable", code=error.code)
        raise TerminalRemoteError(
            "There is no channel for this message, and nobody to tell instead.",
            code=cause,
            hint="Set DIRSYNC_CHANNEL, or a channel in the configuration, and invite the app.",
        )

    async def _in_charge(self, item: OutboxItem, card: _Card) -> list[str]:
        owners = [card.owner]
        if item.kind is EventKind.CYCLE_CARD:
            owners.append(await self._creator(item.subject))
        return self._router.people(owners)

    async def _creator(self, cycle_id: str) -> str:
        view = await self._core.history.card(cycle_id)
        try:
            wanted = ConfigurationId(view.cycle.configuration_id)
            return (await self._core.store.configurations.get(wanted)).created_by
        except (NotFoundError, RemoteError):
            return ""


def _kinds(cycle: Cycle) -> frozenset[NoticeKind]:
    """Return what a cycle's card is told as, where it stands now."""
    if cycle.result is CycleResult.PARTIAL_SUCCESS:
        return frozenset({NoticeKind.RESULTS, NoticeKind.PARTIAL})
    return frozenset({NoticeKind.RESULTS})


def _troubles(view: CycleView) -> tuple[object, ...]:
    """What is wrong after a cycle, without its numbers."""
    cycle, proof = view.cycle, view.cycle.proof
    groups = frozenset((group.code, group.attribute) for group in view.problem_groups)
    failed = frozenset(code for code, _ in proof.failed) if proof else frozenset()
    error = cycle.error.code if cycle.error else ""
    waiting = cycle.postponed.removals_until if cycle.postponed else None
    return cycle.result, error, cycle.held_set_id, groups, failed, waiting


def _line_of_resolution(item: OutboxItem, shown: Delivery) -> NewOutboxItem:
    place = {"text_key": RESOLVED, "channel": shown.channel, "ts": shown.ts}
    return NewOutboxItem(
        key=f"over:{shown.channel}:{shown.ts}",
        stream=item.stream,
        kind=EventKind.RECORD,
        subject=item.subject,
        channel=item.channel,
        payload={**item.payload, **place},
    )
