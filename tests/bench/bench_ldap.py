"""What an LDAP directory takes, beside the LDAP library that only reads it, and beside SCIM.

    .venv/bin/python -m tests.bench.bench_ldap [--people 20050] [--groups 500]

R is the work of reading only: the LDAP library by itself, everybody and all groups with the same
attributes on pages of the same size, in a process of its own like all figures. ``work`` is the
processor's time of that process and its children, which other work on the machine does not change
much; the directory's own is in neither. Cycles go through the worker, on SQLite. Needs slapd and
the extra.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path

from core.model.configuration import LdapSettings
from core.providers.context import ProviderContext
from core.providers.ldap.provider import LdapProvider
from core.providers.ldap.records import UserDecoder
from tests.bench.bench_providers import serving
from tests.bench.scim_pages import MAPPING
from tests.support.clocks import WallClock
from tests.support.scim_backend import TOKEN
from tests.support.slapd import GROUPS, PEOPLE, READER, SUFFIX, Slapd, running_slapd

WANTED = frozenset({"userName", "displayName", "name.givenName", "name.familyName", "emails"})
WHO = WANTED | frozenset(MAPPING.values())
MEMBERS = ["cn", "member", "uniqueMember", "memberUid", "objectSid", "entryUUID"]
BOUND = 2.0
"""So many times the work of reading only may a cycle take."""
OLD = "20260101000000Z"
EACH = 40


def entries(people: int, groups: int) -> str:
    """Return the directory as LDIF, with times of long ago."""
    texts = [
        f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Ex\n",
        f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n",
        f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n",
        (
            f"dn: {READER}\nobjectClass: organizationalRole\n"
            f"objectClass: simpleSecurityObject\ncn: reader\nuserPassword: {TOKEN}\n"
        ),
    ]
    texts += [
        (
            f"dn: cn=p{n},{PEOPLE}\nobjectClass: inetOrgPerson\ncn: p{n}\nuid: p{n}@example.com\n"
            f"sn: Family{n}\ngivenName: Given{n}\ndisplayName: Given{n} Family{n}\n"
            f"mail: p{n}@example.com\ntitle: Engineer\nemployeeNumber: {n}\n"
            f"departmentNumber: Research\n"
            f"entryUUID: 00000000-0000-4000-8000-{n:012x}\nmodifyTimestamp: {OLD}\n"
        )
        for n in range(people)
    ]
    for n in range(groups):
        members = "".join(
            f"member: cn=p{(n * EACH + one) % people},{PEOPLE}\n" for one in range(EACH)
        )
        texts.append(
            f"dn: cn=g{n},{GROUPS}\nobjectClass: groupOfNames\ncn: g{n}\n{members}"
            f"entryUUID: 00000000-0000-4000-9000-{n:012x}\nmodifyTimestamp: {OLD}\n"
        )
    return "\n".join(texts)


def settings_of(port: int) -> LdapSettings:
    """Return the settings that all figures use."""
    return LdapSettings(
        url=f"ldap://127.0.0.1:{port}",
        start_tls=False,
        base=SUFFIX,
        user=READER,
        password="env:DIRSYNC_CREDENTIAL_T",
        page_size=1000,
    )


def bare(port: int) -> dict[str, float]:
    """Read everybody and all groups with the library alone."""
    import bonsai

    began = time.perf_counter()
    client = bonsai.LDAPClient(f"ldap://127.0.0.1:{port}")
    client.set_credentials("SIMPLE", READER, TOKEN)
    people = UserDecoder(WHO, settings=settings_of(port)).selection(("uid", "mail"))
    counts = []
    for kind, names in (("person", [*people, "entryUUID"]), ("groupOfNames", MEMBERS)):
        client.set_raw_attributes(names)
        connection = client.connect()
        found = connection.paged_search(SUFFIX, 2, f"(objectClass={kind})", names, page_size=1000)
        counts.append(sum(1 for _ in found))
    pages = sum(-(-count // 1000) for count in counts)
    return {"seconds": time.perf_counter() - began, "count": sum(counts), "requests": pages}


async def counted(pages: AsyncIterator, decode) -> int:
    count = 0
    async with aclosing(pages) as listing:
        async for page in listing:
            count += len([decode(raw) for raw in page.records])
    return count


async def provided(port: int, what: str) -> dict[str, float]:
    """Read through the provider."""
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
        wanted=WHO,
    )
    provider = await LdapProvider.open(settings_of(port), context=context)
    mark = await provider.watermark() if what == "delta" else None
    before, began = provider.requests, time.perf_counter()
    if what == "people":
        count = await counted(provider.read_users(), provider.decode_user)
    elif what == "groups":
        count = await counted(provider.read_groups(), provider.decode_group)
    else:
        count = await counted(provider.read_changes(mark), lambda raw: raw)
    took = time.perf_counter() - began
    asked = provider.requests - before
    await provider.aclose()
    return {"seconds": took, "count": count, "requests": asked}


def provider_text(kind: str, where: str) -> str:
    """Return the provider part of the configuration file."""
    if kind == "scim":
        return f'{{type: scim, url: "{where}", token: "env:DIRSYNC_CREDENTIAL_T"}}'
    chosen = asdict(settings_of(int(where)))
    return json.dumps({key: value for key, value in chosen.items() if value is not None})


async def one_cycle(kind: str, where: str, database: str) -> dict[str, object]:
    """Run one cycle through the worker."""
    from core.app import open_core
    from core.model.account import Actor, Role
    from core.settings import Settings

    actor = Actor(id="cli:bench", name="bench", role=Role.ADMIN, door="cli")
    mapping = ", ".join(f"{field}: {path}" for field, path in MAPPING.items())
    file = (
        "licenses: {total: 100}\nconfigurations:\n  - name: bench\n"
        f"    provider: {provider_text(kind, where)}\n"
        f"    mapping: {{{mapping}}}\n    invitations: {{send: staged}}\n"
    )
    settings = Settings.from_environment(
        {"DIRSYNC_DATABASE_URL": database, "DIRSYNC_CREDENTIAL_T": TOKEN}
    )
    async with open_core(settings, notifier=None, background=True, allow_loopback=True) as core:
        await core.configurations.apply(actor, file, source="bench.yaml")
        await core.configurations.test(actor, "bench")
        before = worked()
        queued = await core.sync.request(actor, "bench", full=True)
        cycle = [seen async for seen in core.sync.wait(queued.id, poll=0.2)][-1]
    # The LDAP process counts once it has ended, which is when everything is closed.
    work = worked() - before
    assert cycle.finished_at is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": (cycle.finished_at - cycle.requested_at).total_seconds(),
        "count": f"{cycle.result}, {cycle.counts.created} created, {cycle.counts.unchanged} same",
        "requests": cycle.requests,
        "memory": peak,
        "work": work,
    }


def child(*arguments: str) -> dict[str, object]:
    """Run this file as a child and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_ldap", "--child", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def be_child(what: str, where: str, *rest: str) -> dict[str, object]:
    """Measure one thing, its work included."""
    before = worked()
    if what == "bare":
        found: dict[str, object] = dict(bare(int(where)))
    elif what in {"people", "groups", "delta"}:
        found = dict(asyncio.run(provided(int(where), what)))
    else:
        return asyncio.run(one_cycle(what, where, *rest))
    return found | {"work": worked() - before}


def worked() -> float:
    """Return the processor's time of this process and its children, in seconds."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield a fresh SQLite database for each kind."""
    with tempfile.TemporaryDirectory() as folder:
        yield {kind: f"sqlite:///{folder}/{kind}.db" for kind in ("scim", "ldap")}


def change(server: Slapd, count: int) -> None:
    """Give so many people another title."""
    for n in range(count):
        server.change(f"cn=p{n},{PEOPLE}", title="Director")


def measure(people: int, groups: int) -> None:
    """Print the table."""
    with (
        running_slapd(ldif=entries(people, groups)) as server,
        serving("tests.bench.scim_pages", people, groups) as scim,
        databases() as files,
    ):
        port = str(server.port)
        alone = sorted((child("bare", port) for _ in range(3)), key=work_of)[1]
        unit = work_of(alone)
        print(f"{people:,} people, {groups} groups of {EACH}: R = {unit:.2f} s of work")
        print("| what | seconds | work | R | bound | requests | outcome |\n" + "|---" * 7 + "|")

        def row(name: str, found: dict[str, object], *, bound: float = 0) -> float:
            share = work_of(found) / unit
            told = f"{bound:.1f}{' is missed' if share > bound else ''}" if bound else "-"
            print(
                f"| {name} | {float(str(found['seconds'])):.2f} | {work_of(found):.2f} | "
                f"{share:.2f} | {told} | {found['requests']} | {found['count']} |",
                flush=True,
            )
            return work_of(found)

        row("reading only", alone)
        whole = row("people, decoded", child("people", port))
        whole += row("groups with members", child("groups", port))
        times = {}
        for kind, where in (("scim", f"{scim}/scim/v2"), ("ldap", port)):
            bound = BOUND if kind == "ldap" else 0
            for name in ("first cycle", "nothing changed"):
                found = child(kind, where, files[kind])
                times[kind, name] = row(f"{kind}: {name}", found, bound=bound)
        change(server, people // 100)
        delta = row("delta, 1 % changed", child("delta", port))
        print(f"\na delta reads in {delta / whole:.3f} of a full read")
        for name in ("first cycle", "nothing changed"):
            print(f"{name}: LDAP takes {times['ldap', name] / times['scim', name]:.2f} of SCIM")


def work_of(found: dict[str, object]) -> float:
    """Return the seconds of work that something took."""
    return float(str(found["work"]))


def main() -> None:
    """Measure, or be one measured child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=20_050)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--child", nargs="+")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(be_child(*options.child)))
        return
    measure(options.people, options.groups)


if __name__ == "__main__":
    main()
