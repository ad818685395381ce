"""The one outbound HTTP client: pinned to one origin, bounded, retrying, keeping secrets."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import httpx
import stamina

from core.errors import SignInError, TerminalRemoteError, TransientRemoteError
from core.http.addresses import AddressPolicy, IpNetwork
from core.http.body import body_pieces
from core.http.faults import from_status, from_transport, wrong_content
from core.http.limits import HttpLimits, RateBudget
from core.http.pacing import Unhurried
from core.http.redaction import Redactor
from core.http.retry import RetryRule, parse_retry_after, retry_rule
from core.http.transport import CheckedTransport, build_tls
from core.http.urls import joined, origin, parse_base_url, parse_url
from core.ports import Clock

_NOT_MODIFIED = frozenset({304})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_CONNECTIONS = 4
_SCIM_OR_JSON = "application/scim+json, application/json;q=0.9"

Throttled = Callable[[int, bytes], bool]
"""Says of a refusal's status and body that it is about too many requests."""


class Authorizer(Protocol):
    """How requests sign in."""

    async def header(self) -> str:
        """Return the value of the ``Authorization`` header; may raise what requests raise."""
        ...

    def proof(self, authorization: str, method: str, url: str) -> Mapping[str, str]:
        """Return what else must be in the header of a request, whose query is left out."""
        ...

    async def renew(self) -> bool:
        """Say, after a 401, whether a fresh credential is worth one more attempt."""
        ...

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""
        ...


class Pace(Protocol):
    """How a server that announces its limits wants to be asked."""

    def turn(self, path: str) -> AbstractAsyncContextManager[Callable[[Mapping[str, str]], None]]:
        """Wait until this path may be requested; within, tell the answer's headers."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A complete answer: status, headers with lower-case names, decompressed body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpOptions:
    """What all outbound clients of one process share.

    Attributes:
        allow_networks: networks beside the public ones that may be reached.
        tls: the verifying context, or None to build the usual one.
    """

    clock: Clock
    allow_networks: tuple[IpNetwork, ...] = ()
    user_agent: str = "dirsync"
    limits: HttpLimits = field(default_factory=HttpLimits)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None = None


class HttpClient:
    """Requests to one origin (scheme, host and port), and nowhere else.

    Every failure is raised as an error of `core.errors` without secrets in it:
    `TransientRemoteError` (``unreachable``, ``dns``, ``timeout``, ``connection_lost``,
    ``rate_limited``, ``remote_unavailable``) after bounded retries, `SignInError`,
    `PermissionMissingError`, and `TerminalRemoteError` (``tls``, ``address_refused``,
    ``plain_http``, ``redirected_elsewhere``, ``too_large``, ``html_login_page``, ``not_json``,
    ``empty_answer``, ``not_found``, ``remote_refused``).

    Attributes:
        requests: how many requests went out, retries and redirects included.
    """

    def __init__(
        self,
        *,
        base: httpx.URL,
        http: httpx.AsyncClient,
        options: HttpOptions,
        authorizer: Authorizer | None,
        redactor: Redactor,
        accept: str = _SCIM_OR_JSON,
        pace: Pace | None = None,
        throttled: Throttled | None = None,
        called: str = "The server",
    ) -> None:
        self.requests = 0
        self.redactor = redactor
        self._base = base
        self._http = http
        self._called = called
        self._limits = options.limits
        self._clock = options.clock
        self._authorizer = authorizer
        self._accept = accept
        self._pace = pace or Unhurried()
        self._throttled = throttled or (lambda _status, _body: False)
        self._budget = RateBudget(per_second=options.limits.per_second, clock=options.clock)

    @classmethod
    async def open(
        cls,
        base_url: str,
        *,
        options: HttpOptions,
        authorizer: Authorizer | None = None,
        redactor: Redactor | None = None,
        accept: str = _SCIM_OR_JSON,
        pace: Pace | None = None,
        throttled: Throttled | None = None,
        called: str = "The server",
    ) -> HttpClient:
        """Return a client for this base URL; nothing is connected yet.

        `accept` is what `get_json` says that it understands; `throttled` is for servers that say
        otherwise than by 429 that there were too many requests; `called` is what texts for people
        call the other side, before its address. Raises `ConfigurationError` if
        the URL cannot be used.
        """
        base = parse_base_url(base_url)
        # Their lines carry whole URLs, and a query can hold what is not for logs.
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)
        http = await _open_httpx(base, options)
        return cls(
            base=base,
            http=http,
            options=options,
            authorizer=authorizer,
            redactor=redactor or Redactor(),
            accept=accept,
            pace=pace,
            throttled=throttled,
            called=called,
        )

    @property
    def host(self) -> str:
        """The host that this client talks to."""
        return self._base.host

    @property
    def peer(self) -> str:
        """What texts for people call the other side, at the beginning of a sentence."""
        return f"{self._called} at {self._base.netloc.decode()}"

    @property
    def base_url(self) -> str:
        """The URL that this client was opened with."""
        return str(self._base)

    async def get_json(
        self,
        target: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        tolerate: frozenset[int] = frozenset(),
        patient: bool = True,
    ) -> Answer:
        """Return the answer to a GET whose body looks like JSON (it is not parsed).

        Args:
            target: a path below the base URL, or an absolute URL on the same origin.
            params: the query.
            headers: further request headers.
            tolerate: statuses that are returned instead of raised, whatever their body.
            patient: transient faults are retried.
        """
        call = _Call(
            method="GET",
            url=self._resolve(target, params),
            headers={"Accept": self._accept, **(headers or {})},
        )
        answer = await self._with_retries(call, tolerate, patient=patient)
        if answer.status in tolerate:
            return answer
        wrong = wrong_content(answer.headers.get("content-type"), answer.body, peer=self.peer)
        if wrong is not None:
            raise wrong
        return answer

    async def post_json(self, target: str, document: bytes) -> Answer:
        """Return the answer to a JSON document that is safe to send again."""
        answer = await self.post(target, document, kind="application/json", accept=self._accept)
        wrong = wrong_content(answer.headers.get("content-type"), answer.body, peer=self.peer)
        if wrong is not None:
            raise wrong
        return answer

    async def post(self, target: str, content: bytes, *, kind: str, accept: str) -> Answer:
        """Return the answer, of any kind, to content of this kind that is safe to send again."""
        call = _Call(
            method="POST",
            url=self._resolve(target, None),
            headers={"Accept": accept, "Content-Type": kind},
            content=content,
        )
        return await self._with_retries(call, frozenset(), patient=True)

    async def post_form(
        self,
        target: str,
        fields: Mapping[str, str],
        *,
        headers: Mapping[str, str],
        tolerate: frozenset[int] = frozenset(),
    ) -> Answer:
        """Return the answer to a form that is safe to send again (a token request)."""
        call = _Call(
            method="POST",
            url=self._resolve(target, None),
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
                **headers,
            },
            content=str(httpx.QueryParams(dict(fields))).encode(),
        )
        return await self._with_retries(call, tolerate, patient=True)

    async def download(
        self, target: str, sink: BinaryIO, *, condition: Mapping[str, str] | None = None
    ) -> Mapping[str, str] | None:
        """Write the body of a GET to a file, from its start, and return the headers.

        None if the `condition`, conditional headers, does not hold (304). A body shorter than its
        ``Content-Length`` is a `TransientRemoteError`, never a success.
        """
        call = _Call(
            method="GET",
            url=self._resolve(target, None),
            headers={"Accept": "text/csv, */*;q=0.5", **(condition or {})},
        )
        tolerate = _NOT_MODIFIED if condition else frozenset[int]()

        async def written() -> Answer:
            sink.seek(0)
            sink.truncate()
            return await self._signed_in(call, tolerate, sink=sink)

        answer = await self._retried(written, patient=True)
        return None if answer.status in tolerate else answer.headers

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self._http.aclose()
        if self._authorizer is not None:
            await self._authorizer.aclose()

    def _resolve(self, target: str, params: Mapping[str, str] | None) -> httpx.URL:
        if target.startswith(("http://", "https://")):
            url = parse_url(target)
            self._refuse_elsewhere(url)
        else:
            path = f"{self._base.path.rstrip('/')}/{target.lstrip('/')}" if target else ""
            url = self._base.copy_with(path=path) if path else self._base
        return url.copy_merge_params(dict(params)) if params else url

    def _refuse_elsewhere(self, url: httpx.URL) -> None:
        if origin(url) != origin(self._base):
            raise TerminalRemoteError(
                f"{self.peer} points to {url.host or 'another place'}, which is not the origin "
                "that the configuration names.",
                code="redirected_elsewhere",
                hint="dirsync sends the credential nowhere else; check the URL, it may lead to a "
                "sign-in page.",
            )

    async def _retried(self, work: Callable[[], Awaitable[Answer]], *, patient: bool) -> Answer:
        """Return what the work brings; what fails in passing is tried again.

        Nearly every request is well at once, and needs none of a retry's bookkeeping.
        """
        rule = retry_rule(self._limits, self._clock)
        try:
            return await work()
        except TransientRemoteError as error:
            failed = [error]
        answer: Answer | None = None
        async for attempt in self._attempts(rule, patient=patient):
            with attempt:
                if failed:
                    raise failed.pop()
                answer = await work()
        assert answer is not None  # noqa: S101 - stamina leaves the loop by an answer or an error
        return answer

    def _attempts(self, rule: RetryRule, *, patient: bool) -> AsyncIterator[stamina.Attempt]:
        return aiter(
            stamina.retry_context(
                on=rule,
                attempts=self._limits.attempts if patient else 1,
                timeout=self._limits.retry_total,
                wait_initial=self._limits.retry_wait,
                wait_max=self._limits.retry_wait_max,
                wait_jitter=self._limits.retry_wait,
            )
        )

    async def _with_retries(
        self, call: _Call, tolerate: frozenset[int], *, patient: bool
    ) -> Answer:
        return await self._retried(lambda: self._signed_in(call, tolerate), patient=patient)

    async def _signed_in(
        self, call: _Call, tolerate: frozenset[int], sink: BinaryIO | None = None
    ) -> Answer:
        try:
            return await self._followed(call, tolerate, sink)
        except SignInError:
            if self._authorizer is None or not await self._authorizer.renew():
                raise
        return await self._followed(call, tolerate, sink)

    async def _followed(
        self, call: _Call, tolerate: frozenset[int], sink: BinaryIO | None
    ) -> Answer:
        """Follow redirects of a GET within the origin, at most so many."""
        for _ in range(self._limits.redirects + 1):
            answer = await self._once(call, tolerate, sink)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            url = joined(call.url, location)
            self._refuse_elsewhere(url)
            if call.method != "GET":
                break
            call = _Call(method="GET", url=url, headers=call.headers)
        raise TerminalRemoteError(
            f"{self.peer} redirects again and again.",
            code="redirected_elsewhere",
            hint="Use the URL that the redirects lead to.",
        )

    async def _once(self, call: _Call, tolerate: frozenset[int], sink: BinaryIO | None) -> Answer:
        headers = dict(call.headers)
        if self._authorizer is not None:
            authorization = await self._authorizer.header()
            bare = str(call.url.copy_with(query=None, fragment=None))
            headers["Authorization"] = authorization
            headers |= self._authorizer.proof(authorization, call.method, bare)
        request = self._http.build_request(
            call.method, call.url, headers=headers, content=call.content
        )
        await self._budget.spend()
        try:
            async with self._pace.turn(call.url.path) as hear:
                self.requests += 1
                async with asyncio.timeout(self._limits.total), self._sent(request) as response:
                    hear(response.headers)
                    return await self._taken(response, tolerate, sink)
        except (httpx.HTTPError, TimeoutError) as error:
            raise from_transport(error, peer=self.peer, host=self.host) from error

    @asynccontextmanager
    async def _sent(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _taken(
        self, response: httpx.Response, tolerate: frozenset[int], sink: BinaryIO | None
    ) -> Answer:
        status = response.status_code
        if response.is_success and sink is not None:
            async for piece in body_pieces(response, limit=self._limits.max_download):
                await asyncio.to_thread(sink.write, piece)
            body = b""
        else:
            pieces = body_pieces(response, limit=self._limits.max_body)
            body = b"".join([piece async for piece in pieces])
        if not (response.is_success or status in tolerate or status in _REDIRECTS):
            raise self._refusal(response, body)
        return Answer(status=status, headers=response.headers, body=body)

    def _refusal(self, response: httpx.Response, body: bytes) -> Exception:
        wait = parse_retry_after(response.headers.get("retry-after"), now=self._clock.now())
        return from_status(
            response.status_code,
            peer=self.peer,
            body=body,
            retry_after=wait,
            redactor=self.redactor,
            throttled=self._throttled(response.status_code, body),
        )


async def _open_httpx(base: httpx.URL, options: HttpOptions) -> httpx.AsyncClient:
    tls: ssl.SSLContext
    if base.scheme == "http":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        tls = await asyncio.to_thread(build_tls) if options.tls is None else options.tls
    limits = options.limits
    inner = httpx.AsyncHTTPTransport(
        verify=tls, trust_env=False, limits=httpx.Limits(max_connections=_MAX_CONNECTIONS)
    )
    return httpx.AsyncClient(
        transport=CheckedTransport(
            inner=inner, policy=AddressPolicy(allowed=options.allow_networks)
        ),
        timeout=httpx.Timeout(limits.read, connect=limits.connect),
        headers={"User-Agent": options.user_agent, "Accept-Encoding": "gzip"},
        trust_env=False,
        follow_redirects=False,
    )
