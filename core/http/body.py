"""Reading an answer's body within its cap, also when it is compressed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx

from core.errors import TerminalRemoteError, TransientRemoteError

_PIECE = 256 * 1024


def too_large(limit: int) -> TerminalRemoteError:
    """Return the error for a body that exceeds its cap."""
    return TerminalRemoteError(
        f"The answer is larger than {limit // 1024 // 1024 or 1} MB, which dirsync does not read.",
        code="too_large",
        hint="Ask for smaller pages (page_size), or check that the URL is the right one.",
    )


async def body_pieces(response: httpx.Response, *, limit: int) -> AsyncIterator[bytes]:
    """Yield the body decompressed, piece by piece, at most `limit` bytes in all.

    Decompression is bounded per piece, so that a compression bomb costs no memory. Raises
    `TerminalRemoteError` (``too_large``, ``unexpected_encoding``) or `TransientRemoteError`
    (``connection_lost``) if compressed data ends early.
    """
    size = 0
    async for piece in _decoded(response):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        yield piece


def _decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return response.aiter_raw()
    if encoding in {"gzip", "x-gzip"}:
        return _gunzipped(response)
    raise TerminalRemoteError(
        "The answer is compressed in a way that dirsync did not ask for.",
        code="unexpected_encoding",
        hint="A proxy in between may have changed it.",
    )


async def _gunzipped(response: httpx.Response) -> AsyncIterator[bytes]:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        async for chunk in response.aiter_raw():
            rest = chunk
            while rest and not inflate.eof:
                yield inflate.decompress(rest, _PIECE)
                rest = inflate.unconsumed_tail
        while not inflate.eof:
            piece = inflate.decompress(inflate.unconsumed_tail, _PIECE)
            if not piece:
                break
            yield piece
    except zlib.error as error:
        raise _cut_short() from error
    if not inflate.eof:
        raise _cut_short()


def _cut_short() -> TransientRemoteError:
    return TransientRemoteError(
        "The compressed answer is damaged or ended early.",
        code="connection_lost",
        hint="dirsync tries again; if it stays, look at the proxies in between.",
    )
