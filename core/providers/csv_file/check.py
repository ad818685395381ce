"""Checking a CSV file step by step, in words for whoever has to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.errors import DirsyncError, PermissionMissingError, RecordError, SignInError
from core.model.directory import CheckLine, CheckReport, CheckStatus
from core.providers.checking import SAMPLE, SIGN_IN, decoded
from core.providers.csv_file.headers import EMAILS, GROUPS
from core.providers.csv_file.rows import decode_row
from core.providers.csv_file.source import Snapshot, Source
from core.providers.csv_file.table import Table

FILE, COLUMNS, PEOPLE = "File", "Columns", "People"

_FEW = 1000


async def check_file(source: Source, table_of: Callable[[Snapshot], Table]) -> CheckReport:
    """Return what works: reaching the file, its columns, its first people."""
    try:
        snapshot = await source.open()
    except DirsyncError as error:
        return CheckReport(company=source.place, lines=_unopened(error))
    try:
        return await asyncio.to_thread(_read, source.place, snapshot, table_of)
    finally:
        snapshot.close()


def _unopened(error: DirsyncError) -> tuple[CheckLine, ...]:
    signs_in = isinstance(error, (SignInError, PermissionMissingError))
    reached = (CheckLine.ok(FILE),) if signs_in else ()
    name = SIGN_IN if signs_in or error.code.startswith("secret") else FILE
    skipped = [_line(other, CheckStatus.SKIPPED, "Not reached.") for other in (COLUMNS, PEOPLE)]
    return (*reached, CheckLine.failed(name, error), *skipped)


def _read(place: str, snapshot: Snapshot, table_of: Callable[[Snapshot], Table]) -> CheckReport:
    opened = CheckLine.ok(FILE, f"{place} can be read.")
    try:
        table = table_of(snapshot)
        rows = table.next_rows(_FEW)
    except DirsyncError as error:
        skipped = _line(PEOPLE, CheckStatus.SKIPPED, "Not reached.")
        return CheckReport(company=place, lines=(opened, CheckLine.failed(COLUMNS, error), skipped))
    people, errors = decoded(rows, decode_row)
    lines = (opened, _columns(table), _people(rows, errors))
    return CheckReport(company=place, lines=lines, sample=people[:SAMPLE])


def _columns(table: Table) -> CheckLine:
    columns = table.columns
    found = f"{table.manner.encoding}, separated by {_spoken(table.manner.delimiter)}; " + (
        "recognised: " + ", ".join(columns.paths)
    )
    if columns.key == EMAILS:
        return _line(
            COLUMNS,
            CheckStatus.WARNING,
            f"{found}. There is no id column, so the e-mail address is the id: whoever changes "
            "address counts as somebody new.",
            "Add a column with an id that never changes.",
            "email_is_id",
        )
    groups = "" if GROUPS in columns.paths else " (no groups column)"
    return CheckLine.ok(COLUMNS, f"{found}{groups}.")


def _spoken(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(delimiter, delimiter)


def _people(rows: Sequence[bytes], errors: Sequence[RecordError]) -> CheckLine:
    if not rows:
        return _line(
            PEOPLE,
            CheckStatus.WARNING,
            "The file has a header and no people.",
            "Check that the export ran to its end.",
            "empty",
        )
    if errors:
        return _line(
            PEOPLE,
            CheckStatus.WARNING,
            f"{len(errors)} of the first {len(rows)} rows cannot be read. The first: "
            f"{errors[0].message}",
            errors[0].hint,
            errors[0].code,
        )
    more = " or more" if len(rows) == _FEW else ""
    return CheckLine.ok(PEOPLE, f"{len(rows)}{more} people.")


def _line(
    name: str, status: CheckStatus, detail: str = "", hint: str = "", code: str = ""
) -> CheckLine:
    return CheckLine(name=name, status=status, detail=detail, hint=hint, code=code)
