"""What the figures are compared with: the usual ways to bring a listing into a database."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import EnterpriseUser, SearchRequest, User

_TABLE = """
CREATE TABLE IF NOT EXISTS users (external_id TEXT PRIMARY KEY, user_name TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL, active INTEGER NOT NULL, profile TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history (id INTEGER PRIMARY KEY, external_id TEXT NOT NULL,
    action TEXT NOT NULL, before TEXT, after TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS invitations (id INTEGER PRIMARY KEY, external_id TEXT NOT NULL);
"""
PAGE = 1000


def upsert(file: str, pages: Iterable[Iterable[dict[str, Any]]]) -> float:
    """Store people one by one, a transaction a page, with synchronous=FULL; return the seconds."""
    began = time.perf_counter()
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLE)
        for page in pages:
            db.execute("BEGIN IMMEDIATE")
            for person in page:
                _one(db, person)
            db.execute("COMMIT")
    return time.perf_counter() - began


def _one(db: sqlite3.Connection, person: dict[str, Any]) -> None:
    key, profile = person["id"], json.dumps(person, sort_keys=True)
    known = db.execute("SELECT profile FROM users WHERE external_id = ?", (key,)).fetchone()
    if known is not None and known[0] == profile:
        return
    email = person["emails"][0]["value"]
    values = (person["userName"], email, person.get("active", True), profile, key)
    if known is None:
        db.execute(
            "INSERT INTO users (user_name, email, active, profile, external_id)"
            " VALUES (?, ?, ?, ?, ?)",
            values,
        )
        db.execute("INSERT INTO invitations (external_id) VALUES (?)", (key,))
    else:
        db.execute(
            "UPDATE users SET user_name = ?, email = ?, active = ?, profile = ?"
            " WHERE external_id = ?",
            values,
        )
    db.execute(
        "INSERT INTO history (external_id, action, before, after) VALUES (?, ?, ?, ?)",
        (key, "update" if known else "create", known and known[0], profile),
    )


def plain_pages(url: str) -> Iterator[list[dict[str, Any]]]:
    """Read the listing with the standard library."""
    start, total = 1, 1
    while start <= total:
        with urllib.request.urlopen(f"{url}/Users?startIndex={start}&count={PAGE}") as answer:
            page = json.loads(answer.read())
        total, start = page["totalResults"], start + len(page["Resources"])
        yield page["Resources"]


def client_pages(url: str, people: int) -> Iterator[list[dict[str, Any]]]:
    """Read the first `people` of the listing with scim2-client, which validates every record."""
    kind = User[EnterpriseUser]
    with httpx2.Client(base_url=url, timeout=120) as http:
        client = SyncSCIMClient(http, resource_models=[kind])
        client.register_naive_resource_types()
        for start in range(1, people + 1, PAGE):
            asked = SearchRequest(start_index=start, count=PAGE)
            found = client.query(kind, query_parameters=asked)
            yield [one.model_dump() for one in found.resources or []]
