"""What people type becomes a command or a usage error, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.grammar import (
    Command,
    command_table,
    completions,
    help_lines,
    mentioned,
    parse,
    spec_of,
    spell,
    split,
)
from bot.verbs import SLASH, VERBS, Kind
from core.errors import UsageError
from core.model.account import Role
from tests.support.figures import FULL

RUNS = settings(
    max_examples=10_000 if FULL else 400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
PIECES = st.sampled_from(
    [
        *(word for spec in VERBS for word in (spec.name, *spec.aliases)),
        *(f"--{flag.name}" for spec in VERBS for flag in spec.flags),
        *["--", "—", "\u2013", "-", "“", "”", "'", '"', "=", "<@U0123ABCD|ada>"],
        *["<!subteam^S0123ABCD|@it>", "S0123ABCD", "o'b@c", "grant", "revoke", "admin"],
        *["<mailto:a@b|a@b>", "<#C0123ABCD|it>", "<!channel>", "&lt;", "&amp;", "\u00a0"],
        *["&ldquo;", "&rsquo;", "&ndash;", "&#8203;", "&quot;", "&#39;"],
        *["\u202e", "\x00", "\ud800", "set", "test", "7d", "99999999999999", "٣", "`", "\n"],
        *["&lt;@U0123ABCD&gt;", "&lt;@U1&gt;", "&lt;!subteam^S0123ABCD&gt;", "&lt;#C0123ABCD&gt;"],
        *["<", ">", "|", "<>", "people-scim", "12", "user", "roles grant", "users --search="],
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(PIECES, max_size=12).map(" ".join),
    st.lists(PIECES, max_size=12).map("".join),
)


def attempt(text: str) -> Command | UsageError:
    try:
        return parse(text)
    except UsageError as error:
        return error


@RUNS
@given(TEXTS)
def test_any_text_is_a_command_or_a_usage_error_that_says_what_to_do(text: str):
    answer = attempt(text)
    if isinstance(answer, Command):
        assert spec_of(answer.verb) in VERBS
        return
    assert answer.message
    assert answer.hint
    assert answer.code in {"usage", "unknown_verb"}
    parse(answer.suggestion)


@RUNS
@given(TEXTS)
def test_a_command_spelled_out_is_read_back_as_the_same_command(text: str):
    command = attempt(text)
    if isinstance(command, Command):
        assert parse(spell(command)) == command


@pytest.mark.parametrize(
    "text",
    [
        "users --search &lt;@U0123ABCD&gt;",
        "users --search='&lt;!subteam^S0123ABCD&gt;'",
        "user &lt;@U0123ABCD&gt;",
        "user &lt;@U1&gt;",
        "why <@U0123ABCD|ada>",
        "roles grant &lt;!subteam^S0123ABCD&gt; viewer",
        "users --search='\"",
        "users --search=&ldquo;a&rsquo;",
        "users --search=&ndash;a",
        "users --search=a&#8203;b",
        "users --search='O&#39;Brien \"Bob\"'",
    ],
)
def test_what_slack_or_a_keyboard_would_change_stays_as_it_is_when_it_is_spelled_out(text):
    assert parse(spell(parse(text))) == parse(text)


@pytest.mark.parametrize("spec", VERBS, ids=lambda spec: spec.name or "bare")
def test_every_example_of_every_verb_is_understood(spec):
    for example in spec.examples or ("",):
        assert parse(example).verb == spec.name


@pytest.mark.parametrize(
    ("text", "verb", "configuration", "arguments"),
    [
        ("", "", None, {}),
        (" \u00a0 ", "", None, {}),
        ("/dirsync status", "status", None, {}),
        ("SYNC People-SCIM", "sync", "People-SCIM", {}),
        ("syn", "sync", None, {}),
        ("run people", "sync", "people", {}),
        ("held", "release", None, {}),
        ("sync —full", "sync", None, {"full": True}),
        ("sync \u2013prev people", "sync", "people", {"preview": True}),
        ("sync -full", "sync", None, {"full": True}),
        ("sync “people scim”", "sync", "people scim", {}),
        ("sync\u00a0people", "sync", "people", {}),
        ("sync pe\u200bople", "sync", "people", {}),
        ("history --since 7d", "history", None, {"since": timedelta(days=7)}),
        ("history --since=2W", "history", None, {"since": timedelta(days=14)}),
        ("history --status part", "history", None, {"status": "partial_success"}),
        ("users --search O\u2019Brien", "users", None, {"search": "O'Brien"}),
        ("users --search='Ada \"L\"'", "users", None, {"search": 'Ada "L"'}),
        ("users --search a&amp;b", "users", None, {"search": "a&b"}),
        ("user <@U0123ABCD|ada>", "user", None, {"person": "<@U0123ABCD>"}),
        ("user <@U0123ABCD>", "user", None, {"person": "<@U0123ABCD>"}),
        ("user <mailto:a@b.example|a@b.example>", "user", None, {"person": "a@b.example"}),
        ("user @ada", "user", None, {"person": "ada"}),
        ("licenses set 120", "licenses", None, {"change": "set", "total": 120}),
        (
            "licenses keep 10 --group \u201cBoard of Directors\u201d",
            "licenses",
            None,
            {"change": "keep", "total": 10, "group": "Board of Directors"},
        ),
        (
            "licenses release --group Board",
            "licenses",
            None,
            {"change": "release", "group": "Board"},
        ),
        ("roles", "roles", None, {}),
        (
            "roles grant <!subteam^S0123ABCD|@it-admins> op",
            "roles",
            None,
            {"change": "grant", "subject": "<!subteam^S0123ABCD>", "role": "operator"},
        ),
        (
            "roles rev <@U0123ABCD|ada>",
            "roles",
            None,
            {"change": "revoke", "subject": "<@U0123ABCD>"},
        ),
        (
            "roles grant S0123ABCD viewer",
            "roles",
            None,
            {"change": "grant", "subject": "<!subteam^S0123ABCD>", "role": "viewer"},
        ),
        (
            "roles revoke <mailto:a@b.example|a@b.example>",
            "roles",
            None,
            {"change": "revoke", "subject": "a@b.example"},
        ),
        ("help hist", "help", None, {"topic": "history"}),
        (
            "notify <#C0123ABCD|it> failures,held",
            "notify",
            None,
            {"words": ("#C0123ABCD", "failures,held")},
        ),
    ],
)
def test_typed_text_becomes_its_command(text, verb, configuration, arguments):
    assert parse(text) == Command(verb=verb, arguments=arguments, configuration=configuration)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("us", "“us” could be users or user."),
        ("sync a b", "“b”"),
        ("sync --fulll", "Did you mean `--full`?"),
        ("sync --full=yes", "takes no value"),
        ("history --status", "needs a value"),
        ("history --s 1d", "could be"),
        ("history --since yesterday", "`7d`"),
        ("history --since 0d", "`7d`"),
        ("users --status happy", "try `staged`"),
        ("user", "needs an email or @user"),
        ("licenses set", "needs a number"),
        ("licenses keep --group A", "needs a number"),
        ("licenses set ٣", "not a number"),
        ("licenses set -5", "not a number"),
        ("licenses give 5", "try `set`"),
        ("user " + "x" * 300, "too long"),
        ("x" * 5000, "too long"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_would_be(text, said):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in caught.value.message
    assert caught.value.code == "usage"


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("histroy people —status=part", "history people --status=partial"),
        ("statsu", "status"),
        ("lisence", "licenses"),
        ("usr", "help user"),
        ("snyc a b c", "sync"),
        ("supercalifragilistic", ""),
    ],
)
def test_an_unknown_verb_is_answered_with_the_closest_whole_command(text, suggestion):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.code == "unknown_verb"
    assert caught.value.suggestion == suggestion


@RUNS
@given(st.text(max_size=200))
def test_what_is_quoted_back_holds_no_backtick_and_no_control_character(word: str):
    answer = attempt("sync ok " + word)
    if isinstance(answer, UsageError):
        assert answer.message.count("`") % 2 == 0
        assert answer.message.isprintable()


def test_splitting_takes_time_in_proportion_to_the_text():
    for piece in ("'a", '"a ', "--x='", "<@", "<a|", "&"):
        assert split(piece * 2000)


def test_a_mention_is_told_from_text():
    assert mentioned("<@U0123ABCD>") == "U0123ABCD"
    assert mentioned("ada@example.com") is None
    assert mentioned(None) is None


def test_typed_values_are_only_handed_out_as_what_they_are():
    command = parse("history --since 7d --status partial people")
    assert command.duration("since") == timedelta(days=7)
    assert command.text("status") == "partial_success"
    assert command.text("since") is None
    assert command.number("since") is None
    assert not command.has("full")
    assert parse("licenses set 7").number("total") == 7


def test_verbs_and_aliases_are_distinct_words():
    words = [word for spec in VERBS for word in (spec.name, *spec.aliases)]
    assert len(words) == len(set(words))


def test_a_verb_that_a_viewer_may_use_reads_only():
    assert {spec.name for spec in VERBS if not spec.reads} == {
        "sync",
        "preview",
        "cancel",
        "release",
        "activate",
        "invite",
        "apps",
        "setup",
        "edit",
        "free",
        "enable",
        "disable",
        "delete",
        "notify",
        "roles",
        "schedule",
        "audit",
    }


def test_the_command_table_has_a_row_for_each_verb():
    rows = command_table().splitlines()[2:]
    assert len(rows) == len(VERBS)
    for row, spec in zip(rows, VERBS, strict=True):
        assert row.startswith(f"| `{SLASH} {spec.name}".rstrip())
        assert row.replace("\\|", "").count("|") == 4


def test_help_shows_what_the_role_may_use():
    anyone = [usage for lines in help_lines(Role.NONE).values() for usage, _ in lines]
    assert anyone == ["/dirsync help"]
    assert sum(map(len, help_lines(Role.ADMIN).values())) == len(VERBS)
    assert all(help_lines(Role.ADMIN).values())


def test_every_completion_is_a_command_or_the_start_of_one():
    texts = [entry["text"] for entry in completions()]
    assert len(texts) == len(set(texts))
    for spec in VERBS:
        needs = any(argument.required for argument in spec.arguments)
        assert spec.name == "" or spec.name in texts
        assert needs or parse(spec.name).verb == spec.name


def test_kinds_of_arguments_are_written_as_people_read_them():
    assert spec_of("sync").usage == (
        "sync [configuration] [--full] [--preview] [--user email or @user]"
    )
    assert spec_of("licenses").usage == (
        "licenses [set|keep|release|ask <number>] [--group text] [--unused 7d] [--trend]"
    )
    assert spec_of("schedule").usage == "schedule [configuration] [when …]"
    assert spec_of("user").usage == f"user <{Kind.PERSON.value}>"


@pytest.mark.parametrize("word", ["undo", "secrets", "upgrade"])
def test_a_verb_that_is_like_no_other_is_not_mistaken_for_one(word):
    with pytest.raises(UsageError) as caught:
        parse(word)
    assert caught.value.suggestion == ""
