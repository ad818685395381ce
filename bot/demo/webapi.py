"""Slack's Web API over HTTP: tokens, scopes, rates and faults round the methods."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.demo import methods_chat as chat
from bot.demo import methods_more as more
from bot.demo.faults import Fault, FaultKind
from bot.demo.refusals import RefusedError
from bot.demo.team import Args, Team

PNG = b"\x89PNG\r\n\x1a\n"
Run = Callable[[Team, Args], dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a method does and which scope it takes; `app_level` wants the xapp token."""

    run: Run
    scope: str | None = None
    app_level: bool = False
    counts_itself: bool = False


METHODS: Mapping[str, Method] = {
    "auth.test": Method(run=more.auth_test),
    "apps.connections.open": Method(run=more.connections_open, app_level=True),
    "chat.postMessage": Method(run=chat.post_message, scope="chat:write", counts_itself=True),
    "chat.update": Method(run=chat.update, scope="chat:write"),
    "chat.delete": Method(run=chat.delete, scope="chat:write"),
    "chat.postEphemeral": Method(run=chat.post_ephemeral, scope="chat:write"),
    "chat.getPermalink": Method(run=chat.get_permalink),
    "conversations.open": Method(run=more.conversations_open, scope="im:write"),
    "conversations.info": Method(run=more.conversations_info),
    "conversations.join": Method(run=more.conversations_join, scope="channels:join"),
    "users.info": Method(run=more.users_info, scope="users:read"),
    "users.lookupByEmail": Method(run=more.lookup_by_email, scope="users:read.email"),
    "usergroups.users.list": Method(run=more.usergroup_users, scope="usergroups:read"),
    "views.open": Method(run=more.views_open),
    "views.push": Method(run=more.views_push),
    "views.update": Method(run=more.views_update),
    "views.publish": Method(run=more.views_publish),
    "files.getUploadURLExternal": Method(run=chat.get_upload_url, scope="files:write"),
    "files.completeUploadExternal": Method(run=chat.complete_upload, scope="files:write"),
}


def routes(team: Team) -> list[web.RouteDef]:
    """Return the Web API's routes: methods, uploads, downloads and response URLs."""
    api = WebApi(team)
    return [
        web.post("/api/{method}", api.call),
        web.get("/api/{method}", api.call, allow_head=False),
        web.post("/upload/v1/{file}", api.upload),
        web.get("/files/{file}/{name}", api.download),
        web.post("/hooks/{token}", api.respond),
    ]


class WebApi:
    """The HTTP side of the methods."""

    def __init__(self, team: Team) -> None:
        self._team = team

    async def call(self, request: web.Request) -> web.Response:
        """Answer a method call as Slack does, or with the fault that waits for it."""
        name = request.match_info["method"]
        self._team.calls[name] = self._team.calls.get(name, 0) + 1
        fault = self._team.faults.take(name)
        if fault is not None and fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.kind is not FaultKind.DROP_AFTER:
            return _broken(request, fault)
        answer = self._answer(name, request, await _args(request))
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            return _broken(request, fault)
        return answer

    def _answer(self, name: str, request: web.Request, args: Args) -> web.Response:
        try:
            answer = web.json_response({"ok": True, **self._run(name, request, args)})
        except RefusedError as refused:
            return _refusal(refused)
        if not METHODS[name].app_level:
            answer.headers["X-OAuth-Scopes"] = ",".join(sorted(self._team.installation.scopes))
        return answer

    def _run(self, name: str, request: web.Request, args: Args) -> dict[str, object]:
        method = METHODS.get(name)
        if method is None:
            raise RefusedError("unknown_method", fields={"req_method": name})
        self._authorize(method, _token(request, args))
        if not method.counts_itself:
            self._team.limiter.count(name)
        return method.run(self._team, args)

    def _authorize(self, method: Method, token: str | None) -> None:
        app = self._team.installation
        if not token:
            raise RefusedError("not_authed")
        if token not in {app.bot_token, app.app_token}:
            raise RefusedError("invalid_auth")
        if app.refusal is not None:
            raise RefusedError(app.refusal)
        if (token == app.app_token) != method.app_level:
            raise RefusedError("not_allowed_token_type")
        if method.scope is not None:
            app.demand(method.scope)

    async def upload(self, request: web.Request) -> web.Response:
        """Take the bytes of an announced file, raw or as a form's first part."""
        try:
            self._team.files.receive(request.match_info["file"], await _bytes(request))
        except RefusedError as refused:
            return web.Response(status=400, text=refused.code)
        return web.Response(text="OK")

    async def download(self, request: web.Request) -> web.Response:
        """Hand an uploaded file to the page."""
        try:
            data = self._team.files.get(request.match_info["file"]).data
        except RefusedError:
            data = None
        if data is None:
            raise web.HTTPNotFound
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        kind = "image/png" if data.startswith(PNG) else "application/octet-stream"
        return web.Response(body=data, content_type=kind, headers=headers)

    async def respond(self, request: web.Request) -> web.Response:
        """Take a POST to a response URL; its faults wait under the name `response_url`."""
        fault = self._team.faults.take("response_url")
        if fault is not None:
            return _broken(request, fault)
        args = await _args(request)
        try:
            chat.respond(self._team, request.match_info["token"], args.values)
        except RefusedError as refused:
            gone = refused.code in {"expired_url", "used_url"}
            return web.json_response(refused.answer(), status=404 if gone else 400)
        return web.Response(text="ok")


def _token(request: web.Request, args: Args) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else args.text("token")


async def _args(request: web.Request) -> Args:
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except (ValueError, LookupError, RecursionError):
            body = None
        return Args(values=body if isinstance(body, dict) else {})
    form = await request.post()
    return Args(values={**request.query, **dict(form)})


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    part = await (await request.multipart()).next()
    read = getattr(part, "read", None)
    return bytes(await read()) if read is not None else b""


def _refusal(refused: RefusedError) -> web.Response:
    if refused.retry_after is None:
        return web.json_response(refused.answer())
    headers = {"Retry-After": str(refused.retry_after)}
    return web.json_response(refused.answer(), status=429, headers=headers)


def _broken(request: web.Request, fault: Fault) -> web.Response:
    if fault.kind is FaultKind.RATE_LIMITED:
        return _refusal(RefusedError("ratelimited", retry_after=int(fault.seconds)))
    if fault.kind is FaultKind.ERROR:
        return _refusal(RefusedError(fault.error))
    if fault.kind is FaultKind.SERVER_ERROR:
        return web.Response(status=500, text="Internal Server Error")
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
