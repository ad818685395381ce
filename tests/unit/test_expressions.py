"""CEL expressions: what they read, what they come to, and how a wrong one is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.expressions import (
    MAX_RESULT,
    Expression,
    check,
    is_path,
    nearest,
    wanted_paths,
)
from core.engine.mapping import Mapper
from core.errors import ConfigurationError, RecordError
from core.model.configuration import Scope
from core.model.directory import ExternalId, ProviderUser
from core.providers.known import known_attributes
from tests.support.engine_world import configuration

ADA = ProviderUser(
    external_id=ExternalId("u1"),
    user_name="ada",
    active=True,
    emails=("ada@example.com", "ada@example.org"),
    attributes={
        "name.givenName": "Ada",
        "name.familyName": "Lovelace",
        "title": "Engineer, Analytical",
        "enterprise.department": "R&D",
        "level": 7,
        "urn:example:2.0:User:costCenter": "42",
    },
)
KNOWN = known_attributes("scim")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('name.givenName + " " + name.familyName', "Ada Lovelace"),
        ('enterprise.department == "R&D" && !title.startsWith("Intern")', True),
        ("emails[0]", "ada@example.com"),
        ("email", "ada@example.com"),
        ('emails.exists(x, x.endsWith("@example.org"))', True),
        ('emails.filter(e, e.contains(".org"))[0]', "ada@example.org"),
        ("size(emails)", 2),
        ("active", True),
        ("id + userName", "u1ada"),
        ("level > 5", True),
        ('title.split(", ")[1].upperAscii()', "ANALYTICAL"),
        ('title.matches("^Engineer")', True),
        ('division == ""', True),
        ('has(enterprise.division) ? enterprise.division : "none"', "none"),
        ('has(enterprise.department) ? enterprise.department : "none"', "R&D"),
        ('attributes["urn:example:2.0:User:costCenter"] + "!"', "42!"),
        ("'constant'", "constant"),
        ("title // a comment with name.middleName", "Engineer, Analytical"),
        ('"a text with title and (" + title.substring(0, 8)', "a text with title and (Engineer"),
    ],
)
def test_expressions_come_to_what_they_say(source, value):
    assert Expression(source).evaluate(ADA) == value


def test_only_what_an_expression_reads_is_asked_for():
    read = Expression(
        'name.givenName + title.lowerAscii() + (has(enterprise.division) ? "1" : "0")'
        ' + emails.map(x, x + "title2")[0] + attributes["urn:a:b"] // locale'
    ).paths
    assert read == {"name.givenName", "title", "enterprise.division", "emails", "urn:a:b"}


def test_a_configuration_wants_what_mapping_scope_and_the_scope_before_read():
    given_one = configuration(
        mapping={"title": "title", "department": "enterprise.department + ' ' + division"},
        scope=Scope(filter='userType == "Employee"'),
    )
    wanted = wanted_paths(given_one)
    assert {"title", "enterprise.department", "division", "userType", "emails"} <= wanted


@pytest.mark.parametrize("path", ["title", "enterprise.department", "urn:a:2.0:User:x", "$ref"])
def test_a_plain_path_is_no_expression(path):
    assert is_path(path)


WRONG = {
    "title ==": "column 9: the expression ends too early",
    'title == "x" &&& y': "column 16: “&” is not expected here",
    "name.givenName name": "column 16: “name” is not expected here",
    "title\n  && department ==": "line 2, column 19: the expression ends too early",
    'titel == "x"': "column 1: titel is no known attribute. Did you mean title?",
    '"x" == enterprise.departmant': "column 8: enterprise.departmant is no known attribute. "
    "Did you mean enterprise.department?",
    'title.startWith("x")': "column 7: there is no function startWith. Did you mean startsWith?",
    "lower(title)": "column 1: there is no function lower",
    'has(title) ? "a" : "b"': "invalid argument to has() macro",
    'enterprise["department"] == ""': "column 1: write enterprise.department",
    "title": "the filter must come to true or false",
    "[title].map(x, [x].map(y, [y].map(z, z))) == []": "at most 2 of map",
    'enterprise.manager == "" && enterprise.manager.displayName == ""': "cannot stand beside",
    "a" * 1001: "at most 1,000 characters",
    "(" * 400 + "true" + ")" * 400: "column",
}


@pytest.mark.parametrize(("source", "message"), WRONG.items())
def test_a_wrong_expression_is_told_with_its_position(source, message):
    with pytest.raises(ConfigurationError) as told:
        check(source, known=KNOWN, condition=True)
    assert message in told.value.message
    assert told.value.code == "expression_invalid"
    assert told.value.line is not None


def test_an_attribute_that_is_really_called_so_can_be_named():
    check('attributes["titel"] == "Chefin"', known=KNOWN, condition=True)
    check('shoeSize == "42"', known=KNOWN, condition=True)
    assert nearest("title", list(KNOWN)) == ""
    assert nearest("dispalyName", list(KNOWN)) == "displayName"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("title + level", "another kind"),
        ("1 / size(locale) == 1", "divides by zero"),
        ("emails[5]", "shorter than it needs"),
        ('int(title) == 1 || title.matches("(")', "does not fit"),
        ('title.replace("", "xxxxxxxxxx").replace("", "' + "y" * 500 + '")', "does not fit"),
    ],
)
def test_what_cannot_be_worked_out_is_that_persons_and_repeats_no_value(source, reason):
    with pytest.raises(RecordError) as told:
        Expression(source).evaluate(ADA)
    assert reason in told.value.message
    assert "Engineer" not in told.value.message
    assert told.value.code == "expression_failed"


def test_a_text_never_grows_beyond_its_bound():
    grown = 'title.replace("", "' + "y" * 100 + '")'
    assert len(str(Expression(grown).evaluate(ADA))) <= MAX_RESULT


@given(st.text(max_size=60) | st.text("()[]{}.\"'&|!=+ titleab01,?:<>\\\n", max_size=60))
def test_any_text_is_an_expression_or_refused_with_a_position(source):
    refused: ConfigurationError | RecordError | None = None
    try:
        check(source, known=KNOWN, condition=False)
        Expression(source).evaluate(ADA)
    except (ConfigurationError, RecordError) as error:
        refused = error
    assert refused is None or refused.code in {"expression_invalid", "expression_failed"}
    if isinstance(refused, ConfigurationError):
        assert refused.line is not None


def test_a_mapping_takes_paths_and_expressions_in_any_order():
    mapper = Mapper(
        {
            "email": "emails",
            "display_name": 'name.familyName + ", " + name.givenName',
            "title": "title",
            "organization": "'Example'",
            "employee_number": "level",
            "department": "enterprise.department + 1",
        }
    )
    mapped = mapper.map(ADA)
    assert mapped.profile == (
        '{"display_name":"Lovelace, Ada","email":"ada@example.com","employee_number":"7",'
        '"organization":"Example","title":"Engineer, Analytical"}'
    )
    assert mapped.display_name == "Lovelace, Ada"
    assert '"code":"expression_failed"' in mapped.problems
    assert "department: The expression cannot be worked out" in mapped.problems


def test_an_expression_for_what_the_account_has_no_field_for_is_a_warning():
    mapped = Mapper({"email": "emails", "shoe_size": "string(level)"}).map(ADA)
    assert '"code":"attribute_without_field"' in mapped.problems
