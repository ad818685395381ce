"""Uploaded files, in memory and bounded: Slack's external upload in three steps."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.demo.refusals import RefusedError
from bot.demo.workspace import File, Workspace

KEPT = 200
LARGEST = 10_000_000
"""Bytes of one file."""
LONGEST_ALT = 1_000
"""Characters that describe a picture."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that was announced; `data` once its bytes have come, `shared` once completed."""

    id: str
    name: str
    length: int
    alt: str = ""
    data: bytes | None = None
    shared: bool = False


class Shelf:
    """Holds announced and uploaded files, the newest `KEPT` of them."""

    def __init__(self, *, workspace: Workspace) -> None:
        self._workspace = workspace
        self._uploads: OrderedDict[str, Upload] = OrderedDict()

    def announce(self, name: str, length: int, alt: str = "") -> Upload:
        """Expect a file of `length` bytes."""
        if len(alt) > LONGEST_ALT:
            raise RefusedError("alt_txt_too_large")
        if not 0 < length <= LARGEST:
            raise RefusedError("file_upload_size_restricted")
        upload = Upload(id=self._workspace.new_id("F"), name=name, length=length, alt=alt)
        self._uploads[upload.id] = upload
        if len(self._uploads) > KEPT:
            self._uploads.popitem(last=False)
        return upload

    def receive(self, id_: str, data: bytes) -> None:
        """Take the bytes of an announced file; refuse another length."""
        upload = self.get(id_)
        if len(data) != upload.length:
            raise RefusedError("invalid_length")
        self._uploads[id_] = replace(upload, data=data)

    def complete(self, items: object) -> list[File]:
        """Finish the listed uploads and return them as files of a message."""
        return [self._finish(item) for item in _listed(items)]

    def _finish(self, item: Mapping[str, object]) -> File:
        upload = self.get(str(item.get("id")))
        if upload.data is None or upload.shared:
            raise RefusedError("file_not_found")
        self._uploads[upload.id] = replace(upload, shared=True)
        path = f"/files/{upload.id}/{quote(upload.name)}"
        return File(id=upload.id, name=upload.name, url=path, size=upload.length, alt=upload.alt)

    def get(self, id_: str) -> Upload:
        """Return an upload; refuse an unknown one with `file_not_found`."""
        if id_ not in self._uploads:
            raise RefusedError("file_not_found")
        return self._uploads[id_]


def _listed(items: object) -> Iterator[Mapping[str, object]]:
    if not isinstance(items, list) or not items:
        raise RefusedError("invalid_arguments", messages=["[ERROR] missing required field: files"])
    for item in items:
        if not isinstance(item, dict):
            raise RefusedError("invalid_arguments", messages=["[ERROR] must provide an object"])
        yield item
