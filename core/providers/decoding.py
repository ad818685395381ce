"""What decoders of records have in common, whichever vendor the records are of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from core.model.directory import ExternalId
from core.providers.salvage import top_level_id
from core.providers.unreadable import (
    MAX_ID,
    MAX_TEXT,
    UNDECODABLE,
    Getter,
    UnusableValueError,
    missing,
    wrong,
)


def revision(decoder: str, wanted: Iterable[str]) -> str:
    """Return the name of what a decoder makes of records when it looks at these attributes.

    Under another name, nobody counts as settled and everybody is decoded anew.
    """
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    return f"{decoder}-{digest[:12]}"


def usable_id(text: str | None) -> ExternalId | None:
    """Return an id that the store can hold, or None."""
    return ExternalId(text) if text and len(text) <= MAX_ID and "\x00" not in text else None


class _Id(msgspec.Struct):
    id: str | None = None


_ID: Final = msgspec.json.Decoder(_Id)
_IDS: Final = msgspec.json.Decoder(list[_Id])


def id_of(raw: bytes) -> ExternalId | None:
    """Return a record's ``id``, whatever else is wrong with it, or None if even that is lost."""
    try:
        return usable_id(_ID.decode(raw).id)
    except UNDECODABLE:
        return usable_id(top_level_id(raw))


def ids_of(records: Sequence[bytes]) -> Sequence[ExternalId | None]:
    """Return what `id_of` returns for each, in one step where all are well."""
    try:
        found = _IDS.decode(b"[%b]" % b",".join(records))
    except UNDECODABLE:
        found = []
    if len(found) != len(records):
        return [id_of(raw) for raw in records]
    return [usable_id(one.id) for one in found]


def group_names(
    id: str | None,  # noqa: A002 - the settled name
    name: str | None,
    *,
    called: str,
) -> tuple[ExternalId, str]:
    """Return a group's id and name; raise `RecordError`. `called` is the name's attribute."""
    usable = usable_id(id)
    if usable is None:
        raise missing("id")
    if not name or len(name) > MAX_TEXT or "\x00" in name:
        raise missing(called)
    return usable, name


def gather(
    attributes: dict[str, object], record: Any, getters: Iterable[tuple[str, Getter]]
) -> dict[str, object]:
    """Add what the getters find in a record, but for nothing; raise `RecordError`."""
    path = ""
    try:
        for path, get in getters:
            value = get(record)
            if value is not None:
                attributes[path] = value
    except UnusableValueError as error:
        raise wrong(path, error.kind) from error
    return attributes


def with_list(record: bytes, name: str, values: object) -> bytes:
    """Return a record, as its bytes, with a list added under a name; as it is if it has nothing."""
    body = record.rstrip()
    if not body.endswith(b"}") or not body[1:-1].strip():
        return record
    return body[:-1] + b',"' + name.encode() + b'":' + msgspec.json.encode(values) + b"}"
