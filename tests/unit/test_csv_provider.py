"""Reading CSV files as they are found in the wild."""

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError, DirsyncError, RecordError, TransientRemoteError
from core.http.limits import HttpLimits
from core.model.configuration import CsvSettings
from core.model.directory import CheckReport, CheckStatus, Page, ProviderUser
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.csv_file.headers import recognise
from core.providers.csv_file.rows import RowReader, decode_row, row_id
from core.providers.csv_file.text import detect
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.scripted_http import Says, scripted

SIMPLE = "id,email,title,active\n1,ann@x,Boss,yes\n2,bob@x,,no\n"


@asynccontextmanager
async def provider_of(
    folder: Path,
    *,
    columns: Mapping[str, str] | None = None,
    wanted: frozenset[str] = frozenset(),
    **settings: str,
) -> AsyncIterator[IdentityProvider]:
    context = ProviderContext(
        clock=WallClock(),
        credentials_dir=folder,
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": "planted-token"},
        wanted=wanted,
        limits=HttpLimits(attempts=2, retry_wait=0.01, retry_wait_max=0.02),
    )
    chosen = CsvSettings(**({"file": "people.csv"} | settings), columns=columns or {})
    provider = await open_provider(chosen, context=context)
    yield provider
    await provider.aclose()


async def pages_of(folder: Path, content: str | bytes, **options) -> list[Page]:
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / "people.csv").write_bytes(raw)
    async with provider_of(folder, **options) as provider:
        return [page async for page in provider.read_users()]


def decoded(pages: list[Page]) -> tuple[list[ProviderUser], list[RecordError]]:
    people, errors = [], []
    for raw in (raw for page in pages for raw in page.records):
        try:
            people.append(decode_row(raw))
        except RecordError as error:
            errors.append(error)
    return people, errors


async def people_of(folder: Path, content: str | bytes, **options) -> list[ProviderUser]:
    people, errors = decoded(await pages_of(folder, content, **options))
    assert not errors
    return people


async def checked(folder: Path, content: str | bytes, **options) -> CheckReport:
    (folder / "people.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    async with provider_of(folder, **options) as provider:
        return await provider.check()


async def test_a_simple_file_is_read(tmp_path):
    ann, bob = await people_of(tmp_path, SIMPLE)

    assert (ann.external_id, ann.user_name, ann.emails) == ("1", "ann@x", ("ann@x",))
    assert ann.attributes["title"] == "Boss"
    assert (ann.active, bob.active) == (True, False)
    assert "title" not in bob.attributes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_the_delimiter_is_found(tmp_path, delimiter):
    people = await people_of(tmp_path, SIMPLE.replace(",", delimiter))

    assert [person.external_id for person in people] == ["1", "2"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"]
)
async def test_the_encoding_is_found(tmp_path, encoding):
    rows = "".join(f"{n};j\u00fcrgen{n}@x;J\u00fcrgen G\u00f6\u00dfling {n}\n" for n in range(30))
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    content = (mark + "id;email;name\n" + rows).encode(encoding)

    people = await people_of(tmp_path, content)

    assert people[7].attributes["displayName"] == "J\u00fcrgen G\u00f6\u00dfling 7"


async def test_a_byte_of_another_encoding_costs_one_row(tmp_path):
    rows = b"".join(b"%d,p%d@x,J\xc3\xbcrgen\n" % (n, n) for n in range(50))
    content = b"id,email,name\n" + rows + b"99,odd@x,J\xfcrgen\n"

    pages = await pages_of(tmp_path, content)

    people, errors = decoded(pages)
    assert (len(people), len(errors)) == (50, 1)
    assert row_id(pages[0].records[-1]) == "99"
    assert pages[-1].last


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("Vorname", "name.givenName"),
        ("NACHNAME", "name.familyName"),
        ("First_Name", "name.givenName"),
        ("Abteilung", "enterprise.department"),
        ("Personalnummer", "enterprise.employeeNumber"),
        ("Gesch\u00e4ftsbereich", "enterprise.division"),
        ("Job Title", "title"),
        ("Telefon", "phoneNumbers"),
    ],
)
async def test_usual_headers_are_recognised(tmp_path, header, path):
    (person,) = await people_of(tmp_path, f"ID,E-Mail,{header}\n1,a@x,value\n")

    assert person.attributes[path] == "value"


async def test_named_columns_come_first(tmp_path):
    columns = {"id": "Staff", "email": "Contact", "department": "Unit", "active": "In?"}
    content = "Staff,Contact,Unit,In?,id\n7,a@x,R&D,0,other\n"

    (person,) = await people_of(tmp_path, content, columns=columns)

    assert (person.external_id, person.emails, person.active) == ("7", ("a@x",), False)
    assert person.attributes["enterprise.department"] == "R&D"


async def test_only_wanted_attributes_are_part_of_the_record(tmp_path):
    first = await pages_of(tmp_path, "id,email,title,phone\n1,a@x,Boss,1\n", wanted={"title"})
    second = await pages_of(tmp_path, "id,email,title,phone\n1,a@x,Boss,2\n", wanted={"title"})

    assert first[0].records == second[0].records


async def test_the_order_of_the_columns_does_not_matter(tmp_path):
    first = await pages_of(tmp_path, "id,email,title\n1,a@x,Boss\n")
    second = await pages_of(tmp_path, "title;id;email\nBoss;1;a@x\n")

    assert first[0].records == second[0].records


async def test_without_an_id_the_address_is_the_id_in_one_spelling(tmp_path):
    (person,) = await people_of(tmp_path, "email,name\nAnn@X.example,Ann\n")

    assert person.external_id == "ann@x.example"
    assert person.emails == ("Ann@X.example",)


@pytest.mark.parametrize(
    ("text", "active"),
    [
        ("TRUE", True),
        ("1", True),
        ("aktiv", True),
        ("", True),
        ("Nein", False),
        ("inactive", False),
    ],
)
async def test_the_active_column_is_understood(tmp_path, text, active):
    (person,) = await people_of(tmp_path, f"id,email,status\n1,a@x,{text}\n")

    assert person.active is active


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("9,x@x", "9"),
        ("9,x@x,Boss,yes,more", "9"),
        ("9,x@x,Boss,perhaps", "9"),
        (",x@x,Boss,yes", None),
        ('9,"x"@x,Boss,yes', None),
        ("9,x@x,B\x00ss,yes", "9"),
        (f"9,x@x,{'B' * 10_001},yes", "9"),
        (f"9,x@x,{'B' * 200_000},yes", None),
        (f"{'9' * 600},x@x,Boss,yes", None),
    ],
)
async def test_a_broken_row_costs_one_person_and_the_others_go_on(tmp_path, row, known):
    pages = await pages_of(tmp_path, f"{SIMPLE}{row}\n3,cat@x,,yes\n")

    people, errors = decoded(pages)
    assert [person.external_id for person in people] == ["1", "2", "3"]
    assert len(errors) == 1
    assert errors[0].hint
    assert row_id(pages[0].records[2]) == known
    assert pages[-1].last


@pytest.mark.parametrize(
    "rows",
    [
        '8,"eve@x,Boss,yes\n9,fay@x,Boss,yes\n',
        '8,"eve@x,Boss,yes\n9,fay@x,"Boss",yes\n',
        '8,"eve@x,Boss,yes\n9,fay@x,Boss",yes\n',
        '8,"eve@x,Boss,yes\n9,fay@x",Boss,yes\n',
    ],
)
async def test_a_quote_that_swallows_rows_leaves_the_reading_unproven(tmp_path, rows):
    pages = await pages_of(tmp_path, f"{SIMPLE}{rows}3,cat@x,,yes\n")

    assert not any(page.last for page in pages)


async def test_a_cell_of_several_lines_is_no_fault(tmp_path):
    pages = await pages_of(tmp_path, 'id,email,title\n1,a@x,"Head,\nof all"\n2,b@x,""\n')

    assert decoded(pages)[0][0].attributes["title"] == "Head,\nof all"
    assert pages[-1].last


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "csv_empty"),
        (b" \n\n", "csv_empty"),
        (b"PK\x03\x04" + bytes(range(256)) * 20, "csv_binary"),
        (b"id\x00,email\n1,a@x\n", "csv_binary"),
        (b"1,ann@x,Boss\n2,bob@x,\n", "csv_header_missing"),
        (b"id,email,E-Mail\n1,a@x,b@x\n", None),
        (b"id,email,EMAIL\n1,a@x,b@x\n", "csv_header_duplicated"),
        (b"title,department\nBoss,R&D\n", "csv_no_identity"),
    ],
)
async def test_a_file_that_is_no_list_of_people_says_why(tmp_path, content, code):
    if code is None:
        assert len(await people_of(tmp_path, content)) == 1
        return
    with pytest.raises(ConfigurationError) as raised:
        await pages_of(tmp_path, content)
    report = await checked(tmp_path, content)

    assert raised.value.code == code
    assert [one.code for one in report.lines if one.status is CheckStatus.FAILED] == [code]


async def test_an_unknown_column_lists_the_headers_that_are_there(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        await pages_of(tmp_path, SIMPLE, columns={"id": "Staff"})

    assert raised.value.code == "csv_column_unknown"
    assert "'title'" in raised.value.message


async def test_a_check_tells_that_the_address_is_the_id(tmp_path):
    report = await checked(tmp_path, "email,name\na@x,Ann\n")

    assert report.ok
    assert "email_is_id" in {line.code for line in report.lines}
    assert report.sample[0].external_id == "a@x"


async def test_a_check_counts_broken_rows(tmp_path):
    report = await checked(tmp_path, f"{SIMPLE}9,x@x\n")

    (line,) = [one for one in report.lines if one.name == "People"]
    assert line.status is CheckStatus.WARNING
    assert "1 of the first 3 rows" in line.detail


async def test_the_groups_column_makes_groups(tmp_path):
    content = "id,email,groups\n1,a@x,Sales|Berlin\n2,b@x,Sales; Sales\n3,c@x,\n"
    (tmp_path / "people.csv").write_text(content)
    async with provider_of(tmp_path) as provider:
        (page,) = [page async for page in provider.read_groups()]
        groups = [provider.decode_group(raw) for raw in page.records]

    assert page.last
    assert {one.external_id: set(one.member_users) for one in groups} == {
        "Berlin": {"1"},
        "Sales": {"1", "2"},
    }


@pytest.mark.parametrize("change", ["replaced", "appended", "removed"])
async def test_a_file_that_changes_while_it_is_read_is_unproven(tmp_path, change):
    file = tmp_path / "people.csv"
    file.write_text("id,email\n" + "".join(f"{n},p{n}@x\n" for n in range(2500)))
    async with provider_of(tmp_path) as provider:
        pages = provider.read_users()
        first = await anext(pages)
        if change == "replaced":
            other = tmp_path / "new.csv"
            other.write_text("id,email\n1,a@x\n")
            other.replace(file)
        elif change == "appended":
            with file.open("a") as more:
                more.write("9999,x@x\n")
        else:
            file.unlink()
        rest = [page async for page in pages]

    assert not any(page.last for page in [first, *rest])


async def test_pages_have_a_thousand_rows(tmp_path):
    pages = await pages_of(tmp_path, "id,email\n" + "".join(f"{n},p{n}@x\n" for n in range(2000)))

    assert [(len(page.records), page.last) for page in pages] == [(1000, False), (1000, True)]


@pytest.mark.parametrize(
    "path", ["../people.csv", "/etc/passwd", "nothing.csv", "..", "link.csv", "a\x00b"]
)
async def test_a_path_cannot_leave_the_credentials_folder(tmp_path, path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (tmp_path / "people.csv").write_text(SIMPLE)
    (folder / "link.csv").symlink_to("../people.csv")
    async with provider_of(folder, file=path) as provider:
        with pytest.raises(ConfigurationError) as raised:
            await anext(provider.read_users())
        report = await provider.check()

    assert raised.value.code in {"reference_refused", "file_missing"}
    assert not report.ok


def csv_says(body: str, **headers: str) -> Says:
    return Says(body=body.encode(), headers={"Content-Type": "text/csv", **headers})


async def test_a_url_is_read_with_its_token(tmp_path):
    async with scripted(csv_says(SIMPLE)) as server:
        options = {
            "file": None,
            "url": server.url("/p.csv?v=1"),
            "token": "env:DIRSYNC_CREDENTIAL_T",
        }
        async with provider_of(tmp_path, **options) as provider:
            pages = [page async for page in provider.read_users()]

    assert [len(page.records) for page in pages] == [2]
    assert pages[0].last
    assert server.asked[0].target == "/p.csv?v=1"
    assert server.asked[0].headers["authorization"] == "Bearer planted-token"


async def test_people_and_groups_come_from_the_same_download(tmp_path):
    async with (
        scripted(csv_says("id,email,groups\n1,a@x,Sales\n")) as server,
        provider_of(tmp_path, file=None, url=server.url("/p.csv")) as provider,
    ):
        assert [page.last async for page in provider.read_users()] == [True]
        assert [len(page.records) async for page in provider.read_groups()] == [1]

    assert len(server.asked) == 1


async def test_a_download_that_is_cut_short_is_an_error_and_no_listing(tmp_path):
    cut = csv_says(SIMPLE, **{"Content-Length": "5000"})
    async with (
        scripted(cut) as server,
        provider_of(tmp_path, file=None, url=server.url("/p.csv")) as provider,
    ):
        with pytest.raises(TransientRemoteError):
            await anext(provider.read_users())


@pytest.mark.parametrize("settings", [{"file": None}, {"url": "https://x.example/p.csv"}])
async def test_exactly_one_place_must_be_named(tmp_path, settings):
    with pytest.raises(ConfigurationError):
        async with provider_of(tmp_path, **settings):
            pass


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_file_is_read_or_refused_with_a_text(content):
    raw = b"id,email\n" + content
    try:
        manner = detect(raw)
        text = io.TextIOWrapper(
            io.BytesIO(raw), encoding=manner.encoding, errors="surrogateescape", newline=""
        )
        reader = RowReader(text, delimiter=manner.delimiter)
        columns = recognise(list(reader.header()), explicit={}, wanted=())
        records = list(reader.records(columns))
    except (DirsyncError, UnicodeError):
        return
    decoded([Page(records=records, last=True, total=None, token="1")])
    assert all(row_id(one) is None or row_id(one) for one in records)
