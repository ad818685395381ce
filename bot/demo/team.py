"""Everything that the demo's Slack servers know, gathered for the methods and the doors."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.demo import people
from bot.demo.faults import Faults
from bot.demo.files import Shelf
from bot.demo.modals import Modals
from bot.demo.passes import Passes
from bot.demo.rates import SLACK_RATES, Limiter, Rate
from bot.demo.refusals import RefusedError
from bot.demo.workspace import Workspace

DEFAULT_SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "chat:write.public",
        "files:write",
        "im:write",
        "users:read",
        "users:read.email",
        "usergroups:read",
    }
)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds that Slack gives: to acknowledge, to a trigger, and before an event's retries."""

    ack: float = 3.0
    trigger: float = 3.0
    retries: tuple[float, ...] = (0.5, 60.0, 300.0)


@dataclass(kw_only=True)
class Installation:
    """The app as installed: its tokens, scopes, events, and whether Slack still likes it."""

    scopes: frozenset[str] = DEFAULT_SCOPES
    events: frozenset[str] = frozenset({"app_home_opened", "message.im"})
    commands: frozenset[str] = frozenset()
    bot_token: str = "xoxb-0000000000-demo-bot-token"  # noqa: S105 - worth nothing elsewhere
    app_token: str = "xapp-1-A0DIRSYNC1-demo-app-token"  # noqa: S105 - worth nothing elsewhere
    signing_secret: str = "demo-signing-secret-0123456789ab"  # noqa: S105 - likewise
    refusal: str | None = None
    """Set to token_revoked or account_inactive, and every call is refused with it."""

    def demand(self, scope: str) -> None:
        """Refuse with `missing_scope` what the installed scopes do not cover."""
        if scope not in self.scopes:
            fields = {"needed": scope, "provided": ",".join(sorted(self.scopes))}
            raise RefusedError("missing_scope", fields=fields)


@dataclass(kw_only=True)
class Team:
    """One Slack team with one app installed."""

    installation: Installation
    rates: Mapping[str, Rate] = field(default_factory=lambda: SLACK_RATES)
    timing: Timing = field(default_factory=Timing)
    clock: Callable[[], float] = time.time
    base_url: str = ""
    """Where the demo's server listens, without a slash at the end."""

    def __post_init__(self) -> None:
        self.workspace = Workspace(clock=self.clock)
        self.modals = Modals(self.workspace)
        self.passes = Passes(clock=self.clock, trigger_seconds=self.timing.trigger)
        self.limiter = Limiter(rates=self.rates, clock=time.monotonic)
        self.faults = Faults()
        self.files = Shelf(workspace=self.workspace)
        self.new_link: Callable[[], str] = self._no_link
        self.calls: dict[str, int] = {}
        """How often each Web API method was called, faults and refusals included."""

    def _no_link(self) -> str:
        raise RefusedError("internal_error")

    @property
    def bot(self) -> str:
        """The app's user id."""
        return people.BOT_USER_ID


@dataclass(frozen=True, kw_only=True)
class Args:
    """The arguments of a call, from JSON, form or query alike."""

    values: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """Return a string argument, None where absent."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        return refuse_argument(f"must provide a string [json-pointer:/{name}]")

    def need(self, name: str) -> str:
        """Return a string argument that must be there: else `invalid_arguments`."""
        return self.text(name) or refuse_argument(f"missing required field: {name}")

    def flag(self, name: str) -> bool:
        """Return a boolean argument, which forms spell 1 or true."""
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def tree(self, name: str) -> object:
        """Return an argument that is JSON, parsed if it came as text; None where absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            wrong = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
            raise RefusedError(wrong) from None


def refuse_argument(message: str) -> str:
    """Refuse with `invalid_arguments` and this message; never returns."""
    raise RefusedError("invalid_arguments", messages=[f"[ERROR] {message}"])
