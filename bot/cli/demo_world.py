"""The demo put together: provider, mailbox, Slack workspace and dirsync itself on loopback.

Nothing here looks at the environment: all that dirsync is told, it is told by `Settings.for_demo`.
"""

from __future__ import annotations

import errno
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr

from bot.app import running
from bot.demo import company
from bot.demo.directory import Directory
from bot.demo.directory_page import directory_app
from bot.demo.mailbox import mailbox_app
from bot.demo.scim import scim_app
from bot.demo.server import DemoOptions, DemoServer, serve
from bot.demo.stage import CHANNEL, Figures
from bot.grammar import completions
from bot.verbs import SLASH
from bot.web.invitations import Invitations
from bot.web.logins import Logins
from core.app import Core, SystemClock
from core.errors import UsageError
from core.mail.mailbox import MailboxMailer
from core.model.account import Actor, Role
from core.services.activation import ActivationService
from core.services.applications import ApplicationService
from core.settings import CREDENTIAL_PREFIX, Settings
from core.store.demo import claim_for_demo

PORT = 8765
NAME = "people-scim"
CREDENTIAL = f"{CREDENTIAL_PREFIX}DEMO"
ADMINS = ("U0OWNER001", "U0ADMIN001", "U0ADMIN002")
VIEWERS = ("U0VIEWER01",)
SENDER = "Larkspur & Finch IT <it@example.com>"
_DESCRIPTION = "Keep the account in step with the directory"
_FILE = """\
licenses: {{total: {licenses}}}
configurations:
  - name: {name}
    provider: {{type: scim, url: "{url}/scim/v2", token: "env:{credential}", delta: false}}
    mapping:
      title: title
      department: enterprise.department
      phone: phoneNumbers
      locale: locale
      timezone: timezone
      manager: enterprise.manager
      employee_number: enterprise.employeeNumber
      cost_center: enterprise.costCenter
    channel: {channel}
"""


@dataclass(frozen=True, kw_only=True)
class DemoRequest:
    """What is asked of a demo; `port` None means the usual one, or a free one if it is taken."""

    port: int | None = None
    figures: Figures = field(default_factory=Figures)
    database_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class DemoWorld:
    """A demo that runs; `note` tells of anything unusual about its start."""

    url: str
    note: str


@dataclass(kw_only=True)
class _LateCore:
    """dirsync, which starts after the web server whose address it has to know."""

    core: Core | None = None

    def activation(self) -> ActivationService:
        """Return the service behind the invitations' pages."""
        if self.core is None:
            raise web.HTTPServiceUnavailable
        return self.core.activation

    def login_services(self) -> tuple[ApplicationService, ActivationService]:
        """Return the services behind the login API."""
        if self.core is None:
            raise web.HTTPServiceUnavailable
        return self.core.applications, self.core.activation


@dataclass(frozen=True, kw_only=True)
class _Parts:
    directory: Directory
    token: str
    mails: Path
    late: _LateCore = field(default_factory=_LateCore)


@asynccontextmanager
async def demo_world(request: DemoRequest) -> AsyncIterator[DemoWorld]:
    """Run everything until the block ends; what it wrote into its own folder is removed then.

    Raises `UsageError` when the port is taken, and what `claim_for_demo` raises.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dirsync-demo-")))
        database_url = request.database_url or f"sqlite:///{folder}/demo.db"
        await claim_for_demo(database_url, clock=SystemClock())
        parts = _Parts(
            directory=Directory(company.build(request.figures.people)),
            token=secrets.token_urlsafe(24),
            mails=folder / "mail",
        )
        server, note = await _serve(stack, parts, request.port)
        await _start_dirsync(stack, server, parts, request.figures, database_url)
        yield DemoWorld(url=server.url, note=note)


async def _serve(stack: AsyncExitStack, parts: _Parts, port: int | None) -> tuple[DemoServer, str]:
    try:
        return await stack.enter_async_context(serve(_options(parts, port or PORT))), ""
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if port is not None:
            raise UsageError(
                f"Port {port} is taken.", code="port_taken", hint="Choose another --port."
            ) from error
    server = await stack.enter_async_context(serve(_options(parts, 0)))
    return server, f"Port {PORT} is taken, so this demo has another one."


def _options(parts: _Parts, port: int) -> DemoOptions:
    command = {
        "command": SLASH,
        "description": _DESCRIPTION,
        "usage_hint": "[sync | preview | status | history | help]",
        "completions": completions(),
    }
    people = len(parts.directory.company.people)
    return DemoOptions(
        port=port,
        commands=[command],
        extra_apps={
            "/scim/v2": scim_app(parts.directory, parts.token),
            "/directory": directory_app(parts.directory),
            "/mail": mailbox_app(parts.mails),
            "/invitations": _invitations_app(parts.late),
            "/api/v1": _api_app(parts.late),
        },
        links=[
            {"label": "Directory", "url": "/directory/"},
            {"label": "Mailbox", "url": "/mail/"},
        ],
        hint=f"New here? Type `{SLASH} sync` and watch {people:,} people arrive.",
    )


def _invitations_app(late: _LateCore) -> web.Application:
    app = web.Application()
    Invitations(late.activation).add_to(app, path="/{token}")
    return app


def _api_app(late: _LateCore) -> web.Application:
    app = web.Application()
    Logins(late.login_services).add_to(app, prefix="")
    return app


async def _start_dirsync(
    stack: AsyncExitStack, server: DemoServer, parts: _Parts, figures: Figures, database_url: str
) -> None:
    channel = server.workspace.channel_named(CHANNEL).id
    settings = Settings.for_demo(
        database_url=database_url,
        secret_key=secrets.token_urlsafe(32),
        mail_from=SENDER,
        public_url=server.url,
        channel=channel,
        admins=ADMINS,
        viewers=VIEWERS,
        slack_bot_token=server.bot_token,
        slack_app_token=server.app_token,
        slack_api_url=server.slack_api_url,
        credentials={CREDENTIAL: SecretStr(parts.token)},
    )
    mailer = MailboxMailer(parts.mails, sender=SENDER, clock=SystemClock())
    core = await stack.enter_async_context(running(settings, mailer=mailer))
    parts.late.core = core
    await _apply(core, server.url, channel, figures)


async def _apply(core: Core, url: str, channel: str, figures: Figures) -> None:
    text = _FILE.format(
        licenses=figures.licenses, name=NAME, url=url, credential=CREDENTIAL, channel=channel
    )
    actor = Actor(id="system:demo", name="The demo", role=Role.ADMIN, door="cli")
    await core.configurations.apply(actor, text, source="the demo's configuration")
