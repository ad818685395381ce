"""Everything that leaves for Slack fits, and nothing of directory data is live in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack import blocks
from bot.slack.ids import Act, PageMark, Stamp, act_of
from bot.slack.limits import (
    LIMITS,
    PayloadError,
    clip,
    escape,
    tidy,
    validate_message,
    validate_view,
    weight,
)
from tests.support.figures import FULL

RUNS = settings(max_examples=10_000 if FULL else 100, deadline=None)
HOSTILE = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(
        st.sampled_from(
            [
                *("<!channel>", "<@U1>", "*bold*", "_x_", "~y~", "`code`", "&amp;"),
                *("<http://e.vil|ok>", "\r\n", "\x00", "\u202e", "\ud800", "👩\u200d👩\u200d👧"),
                *("e\u0301", "@here", ":skull:", ">", "=1+1", "a" * 300, " ", "|"),
                *("https://evil.example", "\u2066", "\u200b"),
            ]
        ),
        max_size=10,
    ).map("".join),
)
UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text_message(*shown, text="hello"):
    return {"text": text, "blocks": list(shown)}


@RUNS
@given(HOSTILE)
def test_nothing_of_directory_data_is_live_in_mrkdwn(name: str):
    shown = escape(name)
    assert "<" not in shown
    assert not re.search(r"&(?!amp;|lt;|gt;)", shown)
    assert "://" not in shown
    assert not re.search(r"@(here|channel|everyone)", shown)
    assert not re.search(r"(^|[\s(])[*_~`][^\s\u2060]", shown)
    assert not re.search(r":[\w+'-]+:", shown)
    assert not UNSEEN.search(shown)
    assert shown.strip()


@RUNS
@given(HOSTILE, st.integers(1, 60))
def test_directory_data_in_plain_text_is_one_visible_line_of_the_asked_length(name, most):
    shown = tidy(name, most)
    assert 0 < len(shown) <= most
    assert not UNSEEN.search(shown)
    assert "\n" not in shown
    shown.encode()


@RUNS
@given(HOSTILE, st.integers(1, 40))
def test_cutting_never_leaves_half_an_entity(name, most):
    cut = clip(f"{escape(name)} <@U0123ABCD> &amp; <https://example.com|x>", most)
    assert len(cut) <= most
    assert not re.search(r"&[a-z]*$|&[a-z]*…", cut)
    assert not re.search(r"<[^>]*$", cut)


@pytest.mark.parametrize("plain", ["cost_center", "ada.love_lace@example.com", "a:b", "R*D"])
def test_ordinary_words_can_be_copied_as_they_are(plain):
    assert escape(plain) == plain


def test_a_letter_keeps_its_accents_and_a_family_stays_together():
    assert clip("abcde\u0301f", 6) == "abcd…"
    assert clip("ab👩\u200d👩\u200d👧cd", 6) in {"ab…", "ab👩\u200d👩\u200d👧…"}


@settings(RUNS, max_examples=1_000 if FULL else 40)
@given(st.lists(HOSTILE, min_size=1, max_size=30))
def test_whatever_the_names_the_built_blocks_are_accepted(names):
    shown = blocks.message(
        names[0] or "x",
        blocks.header(names[0]),
        blocks.section(" ".join(escape(name, 100) for name in names)),
        blocks.paragraph(names[-1]),
        blocks.table(("Name", "Why"), [(name, name) for name in names[:10]]),
        blocks.actions(*(blocks.button(name, Act.RUN, "help") for name in names)),
        blocks.plan(names[0], [blocks.task("t", "Read", "pending", names[-1])]),
    )
    for form in (shown, blocks.classic(shown), blocks.text_only(shown)):
        if form.text.strip():
            validate_message(form.payload())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (text_message(text=" "), "text is empty"),
        (text_message(text="x" * 40_001), "longer than 40000"),
        (text_message(*[blocks.divider()] * 51), "more than 50 blocks"),
        (text_message(*[blocks.section("x" * 2900)] * 5), "together"),
        (text_message({"type": "section"}), "says nothing"),
        (text_message({"type": "section", "text": {"type": "mrkdwn", "text": ""}}), "empty"),
        (text_message({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}), "plain"),
        (text_message({"type": "context", "elements": []}), "elements"),
        (text_message({"type": "actions", "elements": [{}] * 26}), "elements"),
        (text_message(blocks.alert("x", "info")), "does not belong"),
        (text_message({"type": "video"}), "does not belong"),
        (text_message(blocks.table(("a",), []), blocks.table(("a",), [])), "one table"),
        (text_message({"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}), "cell"),
        (text_message({"type": "table", "rows": [[]] * 101}), "rows"),
        (text_message({"type": "plan", "title": "", "tasks": [{}]}), "title"),
        (
            text_message(blocks.plan("x", [blocks.task("a", "b", "finished", "c")])),
            "unknown task status",
        ),
        (
            text_message(blocks.actions(blocks.button("a", "x"), blocks.button("b", "x"))),
            "action_id comes twice",
        ),
        (
            text_message(blocks.actions(blocks.button("a", "x", "v" * 2001))),
            "value is too long",
        ),
        (text_message("not a block"), "not a list of objects"),
    ],
)
def test_what_slack_would_refuse_is_refused_here_first(broken, said):
    with pytest.raises(PayloadError, match=said):
        validate_message(broken)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"type": "other", "blocks": []}, "neither"),
        ({"type": "modal", "blocks": []}, "title"),
        ({"type": "modal", "title": blocks.plain("x", 24) | {"text": "x" * 25}}, "title"),
        (
            {"type": "home", "blocks": [blocks.plan("x", [blocks.task("a", "b", "pending", "c")])]},
            "does not belong",
        ),
        ({"type": "home", "blocks": [blocks.divider()] * 101}, "more than 100"),
        ({"type": "home", "blocks": [], "private_metadata": "x" * 3001}, "private_metadata"),
        (
            {
                "type": "modal",
                "title": blocks.plain("x", 24),
                "blocks": [{"type": "input", "label": blocks.plain("x", 10)}],
            },
            "submit",
        ),
    ],
)
def test_a_view_that_slack_would_refuse_is_refused_here_first(view, said):
    with pytest.raises(PayloadError, match=said):
        validate_view(view)


def test_an_edit_may_be_shorter_than_a_post_only():
    validate_message({"text": "x" * 4001})
    with pytest.raises(PayloadError):
        validate_message({"text": "x" * 4001}, update=True)


def test_repeated_buttons_get_ids_of_their_own_and_keep_their_meaning():
    shown = blocks.message("x", *[blocks.actions(blocks.button("a", Act.DETAILS))] * 3)
    validate_message(shown.payload())
    ids = [block["elements"][0]["action_id"] for block in shown.blocks]
    assert ids == ["details", "details#2", "details#3"]
    assert {act_of(action_id) for action_id in ids} == {Act.DETAILS}


def test_weight_counts_every_text_and_every_block():
    assert weight([blocks.section("x" * 100)]) == 225
    assert weight([]) == 0


@RUNS
@given(HOSTILE)
def test_what_a_button_carries_is_parsed_or_nothing(value):
    assert act_of(value) is None or act_of(value) in Act
    stamp = Stamp.unpack(value)
    assert stamp is None or stamp.pack() == value
    mark = PageMark.unpack(value)
    assert mark is None or mark.offset >= 0


@RUNS
@given(st.text(max_size=200).filter(lambda text: text.isprintable()), st.integers(0, 10**6))
def test_a_page_mark_comes_back_as_it_went(command, offset):
    mark = PageMark(command=command, offset=offset)
    assert PageMark.unpack(mark.pack()) == mark


def test_every_limit_is_a_positive_number():
    assert all(limit > 0 for limit in LIMITS.values())
