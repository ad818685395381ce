"""From CSV rows to records and back: canonical bytes, and one row's error for one person."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

import msgspec

from core.errors import RecordError
from core.model.directory import ExternalId, ProviderGroup, ProviderUser
from core.providers.csv_file.headers import ACTIVE, EMAILS, GROUPS, ID, NAMED, USER_NAME, Columns
from core.providers.decoding import usable_id
from core.providers.unreadable import MAX_ID, MAX_TEXT

REVISION: Final = "csv-1"
_YES: Final = frozenset({"true", "yes", "y", "1", "active", "enabled", "on", "ja", "aktiv", "wahr"})
_NO: Final = frozenset(
    {
        *("false", "no", "n", "0", "inactive", "disabled", "off", "suspended", "left"),
        *("nein", "falsch", "inaktiv", "deaktiviert", "gesperrt"),
    }
)


class Row(msgspec.Struct, omit_defaults=True):
    """A row as it is kept: the recognised cells, or what is wrong with the row.

    Attributes:
        key: the immutable id, as far as it could be read.
        cells: attribute path -> text, sorted by path; empty cells are left out.
        fault: what is wrong with the row as a whole.
    """

    key: str = ""
    cells: dict[str, str] = {}
    fault: str = ""


class GroupRow(msgspec.Struct):
    """A group made from the people's groups column."""

    name: str
    members: list[str]


class RowReader:
    """Reads the rows of an open CSV text; a broken row does not end it.

    Attributes:
        swallowed: a broken quote may have hidden whole rows, so the file was not read in full.
    """

    def __init__(self, text: TextIO, *, delimiter: str) -> None:
        self.swallowed = False
        self._delimiter = delimiter
        self._reader = csv.reader(text, delimiter=delimiter, strict=True)

    def header(self) -> Sequence[str]:
        """Return the first row that is not blank; nothing if there is none that can be read."""
        return next(self._cells(), None) or ()

    def records(self, columns: Columns) -> Iterator[bytes]:
        """Yield each further row's canonical bytes."""
        before = self._reader.line_num
        for cells in self._cells():
            breaks = self._reader.line_num - before - 1
            if breaks > 0 and self._hides_rows(cells, columns.width, breaks):
                self.swallowed = True
            before = self._reader.line_num
            yield encode_row(cells, columns)

    def _hides_rows(self, cells: Sequence[str] | None, width: int, breaks: int) -> bool:
        """Say whether a row over several lines may contain whole other rows.

        A swallowed row brings its own delimiters into a cell; an address of several lines doesn't.
        """
        if cells is None or len(cells) != width:
            return True
        inside = sum(cell.count(self._delimiter) for cell in cells if "\n" in cell or "\r" in cell)
        return inside >= (width - 1) * breaks

    def _cells(self) -> Iterator[Sequence[str] | None]:
        """Yield the cells of each row that is not blank, None for one that cannot be split."""
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                yield None
                continue
            if row:
                yield row


def encode_row(cells: Sequence[str] | None, columns: Columns) -> bytes:
    """Return a row's canonical bytes, the same whatever the order of the columns."""
    row = _row(cells, columns)
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:
        return msgspec.json.encode(
            Row(key=_printable(row.key), fault="not written in one encoding")
        )


def _row(cells: Sequence[str] | None, columns: Columns) -> Row:
    if cells is None:
        return Row(fault="its quotes do not match")
    if len(cells) != columns.width and any(cells[columns.width :]):
        return Row(key=_key(cells, columns), fault="it has too many cells")
    if len(cells) < columns.width:
        return Row(key=_key(cells, columns), fault="it has too few cells")
    kept = {path: cells[index].strip() for path, index in columns.paths.items()}
    return Row(key=_key(cells, columns), cells={path: text for path, text in kept.items() if text})


def _key(cells: Sequence[str], columns: Columns) -> str:
    index = columns.paths[columns.key]
    text = cells[index].strip() if index < len(cells) else ""
    return text.casefold() if columns.key == EMAILS else text


def _printable(key: str) -> str:
    return "" if any("\ud800" <= char <= "\udfff" for char in key) else key


_ROW: Final = msgspec.json.Decoder(Row)
_GROUP: Final = msgspec.json.Decoder(GroupRow)


def decode_row(raw: bytes) -> ProviderUser:
    """Return the person of a row, or raise `RecordError`."""
    row = _ROW.decode(raw)
    if row.fault:
        raise _error(f"The row cannot be read: {row.fault}.", kind="text")
    if not row.key or len(row.key) > MAX_ID:
        raise _error("The row has no usable id.", attribute=ID, kind="nothing")
    _refuse_bad_text(row)
    emails = _emails(row.cells.get(EMAILS, ""))
    user_name = row.cells.get(USER_NAME) or (emails[0] if emails else row.key)
    attributes: dict[str, object] = {
        path: text for path, text in row.cells.items() if path not in NAMED
    }
    attributes[USER_NAME] = user_name
    if emails:
        attributes[EMAILS] = emails[0]
    return ProviderUser(
        external_id=ExternalId(row.key),
        user_name=user_name,
        active=_active(row),
        emails=emails,
        attributes=attributes,
    )


def row_id(raw: bytes) -> ExternalId | None:
    """Return the id of a row that cannot be read, or None if even that is lost."""
    return usable_id(_ROW.decode(raw).key)


def decode_group(raw: bytes) -> ProviderGroup:
    """Return a group; its name is its id."""
    group = _GROUP.decode(raw)
    return ProviderGroup(
        external_id=ExternalId(group.name),
        display_name=group.name,
        member_users=frozenset(ExternalId(member) for member in group.members),
    )


def groups_of(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Return a row's id and the names in its groups column, separated by ``|`` or ``;``."""
    row = _ROW.decode(raw)
    names = row.cells.get(GROUPS, "").replace("|", ";").split(";")
    return row.key, tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _emails(cell: str) -> tuple[str, ...]:
    parts = (part.strip() for part in cell.replace("|", ";").split(";"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _active(row: Row) -> bool:
    text = row.cells.get(ACTIVE, "true").casefold()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise _error(
        "The row cannot be read: its active column is neither yes nor no.",
        attribute=ACTIVE,
        kind="text",
    )


def _refuse_bad_text(row: Row) -> None:
    for path, text in {ID: row.key, **row.cells}.items():
        if len(text) > MAX_TEXT or "\x00" in text:
            what = "has a NUL character in it" if "\x00" in text else "is too long"
            raise _error(f"The row cannot be read: its {path} {what}.", attribute=path, kind="text")


def _error(message: str, *, kind: str, attribute: str = "") -> RecordError:
    return RecordError(
        message,
        hint="Correct the row in the CSV file.",
        attribute=attribute,
        value_kind=kind,
    )
