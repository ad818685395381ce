"""The fault switch of the page and of scripts: one name, and what it does."""

from collections.abc import Awaitable, Callable, Mapping

from bot.demo.faults import Fault, FaultKind
from bot.demo.refusals import RefusedError
from bot.demo.socketmode import SocketMode
from bot.demo.team import Team

Order = Mapping[str, object]


class Trouble:
    """Makes trouble by name, for messages `{type: fault, name, …}` of the page's protocol."""

    def __init__(self, team: Team, sockets: SocketMode) -> None:
        self._team = team
        self._sockets = sockets
        self._switches: Mapping[str, Callable[[Order], Awaitable[None]]] = {
            "call": self._call,
            "duplicate": self._duplicate,
            "disconnect": self._disconnect,
            "archive": self._archive,
            "kick": self._kick,
            "revoke": self._revoke,
            "clear": self._clear,
        }

    async def __call__(self, order: Order) -> None:
        """Do what `order` names; refuse an unknown name with `unknown_fault`."""
        switch = self._switches.get(str(order.get("name")))
        if switch is None:
            raise RefusedError("unknown_fault")
        await switch(order)

    async def _call(self, order: Order) -> None:
        try:
            kind = FaultKind(str(order.get("kind")))
        except ValueError:
            raise RefusedError("unknown_fault") from None
        fault = Fault(
            kind=kind,
            seconds=_number(order, "seconds"),
            error=str(order.get("error", "internal_error")),
        )
        times = int(_number(order, "times"))
        self._team.faults.inject(str(order.get("method", "*")), fault, times=times)

    async def _duplicate(self, order: Order) -> None:
        self._team.faults.duplicates += int(_number(order, "times"))

    async def _disconnect(self, order: Order) -> None:
        if order.get("abrupt") is True:
            self._sockets.cut()
        else:
            await self._sockets.refresh()

    async def _archive(self, order: Order) -> None:
        archived = order.get("off") is not True
        self._team.workspace.change_channel(str(order.get("channel")), is_archived=archived)

    async def _kick(self, order: Order) -> None:
        self._team.workspace.change_channel(str(order.get("channel")), leave=[self._team.bot])

    async def _revoke(self, order: Order) -> None:
        self._team.installation.refusal = str(order.get("error", "token_revoked"))

    async def _clear(self, order: Order) -> None:  # noqa: ARG002 - switches share one shape
        self._team.faults.clear()
        self._team.installation.refusal = None


def _number(order: Order, name: str) -> float:
    value = order.get(name, 1)
    return value if isinstance(value, (int, float)) else 1
