"""Every command, button and form for every kind of person: nobody may more than is written down."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from app_world import CHANNEL, VIEWER, app_world, until
from rights_scene import (
    DEAF,
    IDS,
    NAMED_ADMIN,
    Scene,
    clicked,
    clicked_in_form,
    hears,
    home_opened,
    set_scene,
    submitted,
    typed,
)
from rights_table import ACTS, COMMANDS, EMPTY, FORMS, IN_FORMS, KINDS, LADDER, NOBODY, OUTSIDE, may

from bot.grammar import parse
from bot.slack.ids import Act, ViewId
from bot.verbs import VERBS, Kind
from tests.support.figures import FULL, SEED, figure

DENIED, REFUSED = "You may not do this", "dirsync is for full members of this workspace"
LINES = [
    *(("typed", text, "", {}, least) for text, least in COMMANDS.items()),
    *(("clicked", act, value, {}, least) for act, value, least in ACTS),
    *(("submitted", form, stamp, entered, least) for form, stamp, entered, least in FORMS),
]
TRIED = LINES if FULL else LINES[SEED % 6 :: 6]


def test_the_table_has_every_verb_with_all_that_it_can_change_and_every_flag():
    anything = defaultdict(lambda: "U0123ABCD")
    rows = [parse(text.format_map(anything)) for text in COMMANDS]
    for spec in VERBS:
        mine = [row for row in rows if row.verb == spec.name]
        assert mine, f"rights_table.COMMANDS has no line for the verb {spec.name!r}"
        given = {name for row in mine for name in row.arguments}
        for flag in spec.flags:
            assert flag.name in given, f"no line with {spec.name} --{flag.name}"
        for argument in spec.arguments:
            if argument.kind is not Kind.CHOICE or argument.name != "change":
                continue
            changes = {row.text("change") for row in mine}
            missing = {*argument.choices.values()} - changes
            assert not missing, f"no line with {spec.name} {missing}"


def test_the_table_has_every_button_and_every_form():
    assert {act for act, _, _ in ACTS} - {"made_up"} == {act.value for act in Act}
    assert {form for form, _, _, _ in FORMS} - {"made_up"} == {view.value for view in ViewId}
    assert {*KINDS} == {*IDS}


def _body(scene: Scene, user: str, line: tuple) -> dict[str, Any]:
    how, what, value, entered, _ = line
    channel = scene.world.demo.workspace.channel_named(CHANNEL).id
    if how == "typed":
        return typed(user, scene.fill(what), channel)
    if how == "clicked" and what in IN_FORMS:
        form, stamp = IN_FORMS[what]
        return clicked_in_form(user, what, scene.fill(value), form, scene.fill(stamp))
    if how == "clicked":
        return clicked(user, what, scene.fill(value), channel)
    return submitted(user, what, scene.fill(value), entered)


async def _refused(scene: Scene, kinds: dict[str, str], line: tuple) -> dict[str, list[str]]:
    """Try all at once what must be refused; return by kind what is wrong with how it was."""
    before = await scene.print_of()
    noted = await _sent(scene, kinds, line)
    after = await scene.print_of()
    changed = [f"some of these changed {name}" for name in before if before[name] != after[name]]
    faults = {}
    for kind, person in kinds.items():
        wrong = [*changed]
        due = line[-1] != NOBODY or person == OUTSIDE
        if noted[IDS[kind]] != due:
            wrong.append(f"{noted[IDS[kind]]} denials in the audit")
        if due and hears(kind, in_form=line[0] == "submitted" or line[1] in IN_FORMS):
            said = " ".join(scene.said[IDS[kind]])
            wrong += _not_told(said) if person == OUTSIDE else _not_helped(said, scene)
        faults[kind] = wrong
    return faults


def _not_told(said: str) -> list[str]:
    return [] if REFUSED in said else [f"was told {said[:300]!r}"]


def _not_helped(said: str, scene: Scene) -> list[str]:
    """Return what a refusal lacks: who may, and the names of admins who can be asked."""
    asked = re.search(rf"{DENIED}\. [\w, ]+ may\.\nAsk (.+?)\. \(", said)
    if asked is None:
        return [f"was told {said[:300]!r}"]
    if not scene.named and asked[1] == "an owner or admin of this workspace":
        return []
    names = re.split(
        r", | or ", re.sub(r"( or one of \d+ more admins| or another admin)$", "", asked[1])
    )
    return [f"was told to ask {name!r}" for name in names if name not in scene.admins]


async def _allowed(scene: Scene, kinds: dict[str, str], line: tuple) -> dict[str, list[str]]:
    """Try all at once what must be allowed; return by kind what is wrong."""
    noted = await _sent(scene, kinds, line)
    faults = {}
    for kind in kinds:
        said = " ".join(scene.said[IDS[kind]])
        wrong = [f"was told {each}" for each in (DENIED, REFUSED, "went wrong") if each in said]
        faults[kind] = wrong + (["a denial in the audit"] if noted[IDS[kind]] else [])
    return faults


async def _sent(scene: Scene, kinds: dict[str, str], line: tuple) -> Counter[str]:
    """Let all do it at once; return how many denials the audit has for each."""
    before = await scene.denials()
    scene.said.update({IDS[kind]: [] for kind in kinds})
    await asyncio.gather(*[scene.send(_body(scene, IDS[kind], line)) for kind in kinds])
    return await scene.denials() - before


async def _try_all(scene: Scene, kinds: dict[str, str], name: str) -> None:
    """Try every line as every kind, first whoever may not, while there is all to lose."""
    refusals, allowances = figure(f"refused: {name}"), figure(f"allowed: {name}")
    faults: list[str] = []
    for right, tried, attempt in ((False, refusals, _refused), (True, allowances, _allowed)):
        for line in TRIED:
            least = line[-1]
            those = {
                kind: person
                for kind, person in kinds.items()
                if (least != NOBODY and may(person, least)) is right
            }
            for kind, wrong in (await attempt(scene, those, line)).items():
                tried.tried += 1
                tried.wrong += bool(wrong)
                faults += [f"{kind}: {line[:3]}: {each}" for each in wrong]
    counts = Counter(line[0] for line in TRIED)
    refusals.more = f"{len(kinds)} kinds of people, " + ", ".join(
        f"{count} lines {how}" for how, count in counts.items()
    )
    assert not faults, "\n".join(faults[:: max(1, len(faults) // 40)])


@pytest.mark.timeout(900)
async def test_nobody_may_more_or_less_than_the_table_says(tmp_path, database_url):
    backend = database_url.partition(":")[0]
    async with app_world(
        tmp_path, people=40, database_url=database_url, admins=(NAMED_ADMIN,), viewers=(VIEWER,)
    ) as world:
        scene = await set_scene(world, named=True)
        await _try_all(scene, KINDS, f"roles named ({backend})")


@pytest.mark.timeout(900)
async def test_where_nobody_is_named_the_owners_and_admins_rule_and_nobody_else(
    tmp_path, database_url
):
    backend = database_url.partition(":")[0]
    async with app_world(tmp_path, people=40, database_url=database_url, viewers=()) as world:
        scene = await set_scene(world, named=False)
        await _try_all(scene, EMPTY, f"empty lists ({backend})")


async def test_the_home_tab_shows_and_offers_what_the_role_may(tmp_path, database_url):
    found = figure("buttons of Home tabs")
    async with app_world(
        tmp_path, people=40, database_url=database_url, admins=(NAMED_ADMIN,), viewers=(VIEWER,)
    ) as world:
        scene = await set_scene(world, named=True)
        homes = world.demo.workspace.homes
        for kind, person in KINDS.items():
            await scene.send(home_opened(IDS[kind]))
            if kind in DEAF:
                continue
            await until(lambda user=IDS[kind]: user in homes)
            text = json.dumps(homes[IDS[kind]], ensure_ascii=False)
            assert ("people-scim" in text) is (person != OUTSIDE), kind
            assert (scene.words["cycle"] in text) is may(person, "viewer"), kind
            assert "@example.com" not in text
            offered = [*_offered(homes[IDS[kind]])]
            assert bool(offered) is (person != OUTSIDE), kind
            for act, value in offered:
                with found.trying():
                    assert may(person, _least(scene, act, value)), (kind, act, value)
        assert not any("people-scim" in str(homes.get(IDS[kind])) for kind in DEAF)


def _offered(value: object) -> Iterator[tuple[str, str]]:
    """Yield act and value of everything that can be clicked."""
    if isinstance(value, list):
        for each in value:
            yield from _offered(each)
    elif isinstance(value, dict):
        if "action_id" in value:
            act = str(value["action_id"]).partition("#")[0]
            options = [each["value"] for each in value.get("options", ())]
            yield from ((act, each) for each in options or [str(value.get("value", ""))])
        for each in value.values():
            yield from _offered(each)


def _least(scene: Scene, act: str, value: str) -> str:
    """Return the least role that an act takes, or the command that it runs."""
    rows = [least for each, _, least in ACTS if each == act]
    if act in {"run", "pick"}:
        verb = parse(value).verb
        rows = [least for text, least in COMMANDS.items() if parse(scene.fill(text)).verb == verb]
    return min(rows, key=LADDER.index)
