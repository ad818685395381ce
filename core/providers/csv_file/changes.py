"""Whether a CSV file is still the one that was read: then nothing changed, and nobody is gone.

A file does not say what changed in it, so one that is another is read as a whole. A download is
not even made where the server says by its ``ETag`` that it is the same (RFC 9110 §13.1.2), or by a
``Last-Modified`` that was old enough to count as strong (§8.8.2.2).
"""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from core.errors import WatermarkExpiredError
from core.model.directory import ChangePage, ResourceKind, Watermark
from core.providers.csv_file.source import Snapshot, Source

CHANGED = "changed_as_a_whole"
_PIECE = 1024 * 1024


class _Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A watermark, as JSON: the file's digest, and the validators of its download."""

    digest: str
    etag: str = ""
    modified: str = ""


async def mark_of(source: Source) -> Watermark:
    """Return the watermark of the file as it is now; the same state is read next."""
    snapshot = await source.open()
    digest = await asyncio.to_thread(_digest, snapshot)
    mark = _Mark(digest=digest, etag=snapshot.etag, modified=snapshot.modified)
    source.keep(snapshot)
    return Watermark(msgspec.json.encode(mark).decode())


async def unchanged_page(source: Source, since: Watermark) -> ChangePage:
    """Return the page that says that nothing changed.

    Raises `WatermarkExpiredError` (code ``changed_as_a_whole``) for a file that is another.
    """
    try:
        mark = msgspec.json.decode(since, type=_Mark)
    except (ValueError, RecursionError) as error:
        raise WatermarkExpiredError("The watermark cannot be read.") from error
    snapshot = await source.open_unless(etag=mark.etag, modified=mark.modified)
    after = since
    if snapshot is not None:
        if await asyncio.to_thread(_digest, snapshot) != mark.digest:
            source.keep(snapshot)
            raise WatermarkExpiredError("The file changed, so all of it was read.", code=CHANGED)
        snapshot.close()
        validated = msgspec.structs.replace(mark, etag=snapshot.etag, modified=snapshot.modified)
        after = Watermark(msgspec.json.encode(validated).decode())
    return ChangePage(
        kind=ResourceKind.USER,
        records=(),
        last=True,
        token="1",  # noqa: S106 - of a page
        watermark=after,
    )


def _digest(snapshot: Snapshot) -> str:
    """Return the digest of the whole file, which stands at its beginning afterwards."""
    whole = hashlib.sha256()
    while piece := snapshot.file.read(_PIECE):
        whole.update(piece)
    snapshot.file.seek(0)
    return whole.hexdigest()
