"""Forged, stale, oversize and malformed submissions by an admin: they change and crash nothing."""

from __future__ import annotations

import asyncio
import random

import pytest
from app_world import ADMIN, ADMIN_2, app_world, until
from structlog.testing import capture_logs

from bot.demo.dispatch import Kind
from bot.slack.ids import Act, ViewId
from core.model.form import KINDS, STEPS
from core.services.draft_fields import empty_fields
from tests.support.figures import FULL, SEED, figure

FUZZED = 10_000 if FULL else 200
AT_ONCE = 100
FORGED = figure("forged submissions and clicks in forms")
TEXTS = ["", "people-scim", "PEOPLE-SCIM", "x", "\x00", "<!channel>", "a" * 4000, "ü" * 50, "=1+1"]
STALE = ["people-scim|0", "people-scim|99", "people-scim|", "nobody|1", "|", "people-scim|-1", "x"]
WRONG_TYPES: list[object] = [None, 7, True, [], ["x"], {}, {"value": {"value": []}}, 1e300]


@pytest.fixture
async def world(tmp_path):
    async with app_world(tmp_path) as made:
        yield made


class Forger:
    """Makes payloads that nobody's form sends."""

    def __init__(self, draft: str) -> None:
        self._draft = draft
        self._chance = random.Random(SEED)
        self._steps = [*STEPS, "summary", "checkedsignin", "confirmsr", "nowhere", ""]
        self._kinds = [*(kind.key for kind in KINDS), "", "x-y"]

    def payload(self, number: int) -> dict[str, object]:
        """Return a submission, or a click in a form."""
        if self._chance.random() < 0.3:
            return self._click(number)
        return {
            "type": "view_submission",
            "user": {"id": ADMIN, "team_id": "T0DEMO0001"},
            "team": {"id": "T0DEMO0001"},
            "api_app_id": "A0DIRSYNC1",
            "trigger_id": f"1.{number}",
            "view": self._view(number),
        }

    def _view(self, number: int) -> dict[str, object]:
        ids = [*(each.value for each in ViewId), "unknown", ""]
        return {
            "type": "modal",
            "id": f"V{number}",
            "hash": f"1.{number}",
            "callback_id": self._one(ids),
            "private_metadata": self._metadata(),
            "state": self._one([{"values": self._values()}, {"values": self._values()}, None, []]),
        }

    def _metadata(self) -> object:
        drafts = [self._draft, "d-00000000", "d-zzzzzzzz", "d-1"]
        mark = "|".join(
            [
                self._one(drafts),
                self._one(self._steps),
                self._one(self._kinds),
                self._one(["k", "-"]),
            ]
        )
        return self._one([mark, mark, mark, *STALE, "x" * 3000, "{}"])

    def _values(self) -> object:
        fields = [*empty_fields(), *STEPS["signin"], "name", "reason", "people", "company", "after"]
        chosen = self._chance.sample(fields, k=self._chance.randrange(len(fields)))
        return {field: self._one([{"entered": self._entered()}, *WRONG_TYPES]) for field in chosen}

    def _entered(self) -> dict[str, object]:
        text: object = self._one([*TEXTS, *WRONG_TYPES])
        return {
            "type": "plain_text_input",
            "value": text,
            "selected_option": self._one([{"value": text}, text, None]),
            "selected_channel": text,
        }

    def _click(self, number: int) -> dict[str, object]:
        acts = [Act.STEP, Act.SIGN_IN, Act.STEP]
        return {
            "type": "block_actions",
            "user": {"id": ADMIN, "team_id": "T0DEMO0001"},
            "team": {"id": "T0DEMO0001"},
            "api_app_id": "A0DIRSYNC1",
            "container": {"type": "view", "view_id": f"V{number}"},
            "trigger_id": f"1.{number}",
            "view": self._view(number),
            "actions": [
                {
                    "type": "button",
                    "action_id": self._one(acts).value,
                    "block_id": "b",
                    "value": self._one([*self._steps, "nobody", "\x00", "x" * 2000]),
                    "action_ts": f"{number}.5",
                }
            ],
        }

    def _one(self, choices):
        return self._chance.choice(choices)


@pytest.mark.timeout(600)
async def test_forged_submissions_change_nothing_and_crash_nothing(world):
    other = await world.core.store.drafts.begin(
        f"slack:{ADMIN_2}", None, revision=0, fields={"name": "mine"}, now=world.core.clock.now()
    )
    before = await world.core.store.configurations.all()
    forger = Forger(other.id)
    with capture_logs() as logs:
        for start in range(0, FUZZED, AT_ONCE):
            payloads = [forger.payload(start + n) for n in range(min(AT_ONCE, FUZZED - start))]
            with FORGED.trying(len(payloads)):
                await asyncio.gather(
                    *(world.demo.dispatcher.send(Kind.INTERACTIVE, each) for each in payloads)
                )
                await until(lambda: world.runtime.supervisor.running == 0, patience=60)
    assert [each for each in logs if each["event"] == "slack_incident"] == []
    assert await world.core.store.configurations.all() == before
    kept = await world.core.store.drafts.get(f"slack:{ADMIN_2}", other.id)
    assert kept.fields == {"name": "mine"}
