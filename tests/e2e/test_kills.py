"""SIGKILL at random moments of `dirsync run`: the end is as if nobody had killed it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import BACKENDS, fresh_database
from tests.support.figures import FULL, SEED, Figure, figure
from tests.support.killing import PATIENCE, Company, Life, Twins, environment
from tests.support.letterbox import Letterbox
from tests.support.scim_backend import running_scim

PEOPLE, PAUSE = 240 if FULL else 100, 0.05
KILLS = {"sqlite": 25, "postgresql": 25} if FULL else {"sqlite": 1, "postgresql": 1}
AT_ONCE = 4
"""Most kills in one cycle."""
LOCKED_FOR = 60.0
"""Seconds after which PostgreSQL cancels a statement (`statement_timeout`).

A process that is stopped between two messages of one statement holds its locks until then, because
only a transaction that waits for its next statement counts as idle."""

FIGURES: dict[str, Figure] = {
    backend: figure(f"SIGKILLs of dirsync run on {backend}") for backend in BACKENDS
}


@pytest.fixture
def company() -> Iterator[Company]:
    with running_scim() as backend:
        made = Company(backend, PEOPLE)
        backend.application.pause = PAUSE
        yield made


@pytest.fixture
def letters() -> Iterator[Letterbox]:
    with Letterbox() as box:
        yield box


@pytest.fixture
def others() -> Iterator[Letterbox]:
    with Letterbox() as box:
        yield box


@pytest.fixture
def twins(
    backend: str, tmp_path: Path, company: Company, letters: Letterbox, others: Letterbox
) -> Iterator[Twins]:
    for name in ("victim", "twin"):
        (tmp_path / name).mkdir()
    with (
        fresh_database(backend, tmp_path / "victim") as victim,
        fresh_database(backend, tmp_path / "twin") as twin,
    ):
        both = Twins(
            environment(victim, letters.url), environment(twin, others.url), tmp_path / "victim"
        )
        both.prepare(company.backend.url)
        yield both


def kill(twins: Twins, dice: random.Random, span: float) -> bool:
    """Start the process and kill it at some moment; say whether a cycle was still open."""
    life = twins.live()
    try:
        if dice.random() < 0.15:
            time.sleep(dice.uniform(0, 1.5))
        else:
            life.wait_for("cycle.claimed" if twins.waiting()[0] else "run.ready")
            time.sleep(dice.uniform(0, span))
    finally:
        life.end(signal.SIGKILL)
    assert not life.says("Traceback"), life.lines
    twins.let_claims_end()
    return twins.waiting()[0] > 0


def live_to_the_end(twins: Twins) -> None:
    life = twins.live()
    try:
        life.wait_for("run.ready")
        twins.finish(life)
    finally:
        status = life.end()
    assert status == 0
    assert not life.says("Traceback"), life.lines


@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", BACKENDS)
def test_kills_at_any_moment_lose_and_double_nothing(
    backend: str, twins: Twins, company: Company, letters: Letterbox
) -> None:
    dice = random.Random(SEED)
    counted, open_ones = FIGURES[backend], 0
    left = KILLS[backend]
    while left:
        span = twins.undisturbed()
        twins.queue()
        here = dice.randint(1, min(left, AT_ONCE if FULL else 1))
        with counted.trying(here):
            for _ in range(here):
                open_ones += kill(twins, dice, span)
            live_to_the_end(twins)
            expect_same(twins, letters)
        left -= here
        company.turn()
    counted.more = f"{open_ones} while a cycle was open, {company.version} cycles"


def expect_same(twins: Twins, letters: Letterbox) -> None:
    victim, twin = twins.cycles()
    assert [(c.result, c.error, c.counts) for c in victim] == [
        (c.result, c.error, c.counts) for c in twin
    ]
    for sql in (
        "SELECT kind, external_id, action, result FROM changes ORDER BY 1, 2, 3, 4",
        "SELECT kind, state, count(*) FROM outbox WHERE kind <> 'alert' GROUP BY 1, 2 ORDER BY 1",
    ):
        found, expected = twins.tables(sql)
        assert found == expected
    assert len(set(twins.digests())) == 1
    expect_letters(twins, letters)


def expect_letters(twins: Twins, letters: Letterbox) -> None:
    """Everybody invited got the letter; a second copy is the same message."""
    rows, _ = twins.tables(
        "SELECT u.email, i.message_id FROM invitations i JOIN users u ON u.id = i.user_id"
    )
    expected: dict[str, set[str]] = {}
    for email, message_id in rows:
        expected.setdefault(email, set()).add(message_id.strip("<>"))
    got = letters.ids_by_receiver()
    assert {who: {one.strip("<>") for one in ids} for who, ids in got.items()} == expected
    assert all(len(ids) == 1 for ids in expected.values()), "somebody was invited twice"


@pytest.mark.timeout(300)
def test_a_stopped_process_wakes_up_to_find_its_cycle_done_and_writes_nothing(
    tmp_path: Path, company: Company, letters: Letterbox, others: Letterbox
) -> None:
    company.backend.application.pause = 0.25
    (tmp_path / "victim").mkdir()
    with (
        fresh_database("postgresql", tmp_path) as victim,
        fresh_database("postgresql", tmp_path) as twin,
    ):
        twins = Twins(
            environment(victim, letters.url), environment(twin, others.url), tmp_path / "victim"
        )
        twins.prepare(company.backend.url)
        lives = [twins.live(), twins.live()]
        try:
            sleeps_and_wakes(twins, lives)
        finally:
            for life in lives:
                life.send(signal.SIGCONT)
                life.end()
        company.backend.application.pause = PAUSE
        twins.undisturbed()
        expect_same(twins, letters)


def sleeps_and_wakes(twins: Twins, lives: list[Life]) -> None:
    for life in lives:
        life.wait_for("run.ready")
    twins.queue()
    sleeper, other = claimed_by(lives)
    time.sleep(0.3)
    sleeper.send(signal.SIGSTOP)
    other.wait_for("cycle.finished", within=LOCKED_FOR + PATIENCE)
    twins.finish(other)
    before = twins.tables("SELECT * FROM changes ORDER BY id")[0]
    sleeper.send(signal.SIGCONT)
    sleeper.wait_for("cycle.fenced", "cycle.interrupted", within=60)
    assert not sleeper.says("cycle.finished")
    assert twins.tables("SELECT * FROM changes ORDER BY id")[0] == before


def claimed_by(lives: list[Life]) -> tuple[Life, Life]:
    """Return the process that claimed the cycle, then the other."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for at, life in enumerate(lives):
            if life.says("cycle.claimed"):
                return life, lives[1 - at]
        time.sleep(0.005)
    raise AssertionError("nobody claimed the cycle")
