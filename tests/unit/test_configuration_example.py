"""The file to start from is one that is accepted as it is, for every way to sign in."""

from __future__ import annotations

import re

import pytest

from core.model.form import KINDS
from core.services.configuration_example import example_file
from core.services.configuration_file import parse_file


def whole(text: str) -> str:
    """Give the file with everything optional taken into use."""
    return re.sub(r"(?m)^( *)# (?=[a-z_]+: [^ ]+$|[a-z]+: \{)", r"\1", text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_the_example_is_accepted_as_it_is(kind):
    (spec,) = parse_file(example_file(kind), source="example").configurations
    assert spec.provider.type == kind.type
    assert not spec.scope.groups
    assert not spec.mapping


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_the_example_is_accepted_with_everything_optional(kind):
    text = whole(example_file(kind))
    file = parse_file(text, source="example")
    (spec,) = file.configurations
    assert file.licenses_total == 100
    assert spec.scope.groups == ("Engineering",)
    assert spec.mapping == {"title": "title"}
    assert [each.key for each in kind.fields if not getattr(spec.provider, each.key)] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_the_example_explains_each_field_and_fits_a_terminal(kind):
    text = example_file(kind)
    flat = " ".join(re.sub(r"(?m)^ *# ?", "", text).split())
    assert " ".join(kind.rights.split()) in flat
    for field in kind.fields:
        assert field.label in flat
    assert max(map(len, text.splitlines())) <= 100
