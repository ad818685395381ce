"""What the Directory API's answers may hold: names and types, after its discovery document.

A type is a JSON type, another schema's name, or a list of one of them. Where the document says
"any", the schema that it has for the entries of that field stands here.
"""

from collections.abc import Mapping

STRING, BOOLEAN, INTEGER = "string", "boolean", "integer"
Type = str | list[str]

SCHEMAS: Mapping[str, Mapping[str, Type]] = {
    "Users": {
        "etag": STRING,
        "kind": STRING,
        "nextPageToken": STRING,
        "trigger_event": STRING,
        "users": ["User"],
    },
    "User": {
        "addresses": ["UserAddress"],
        "agreedToTerms": BOOLEAN,
        "aliases": [STRING],
        "archived": BOOLEAN,
        "changePasswordAtNextLogin": BOOLEAN,
        "creationTime": STRING,
        "customSchemas": "CustomSchemas",
        "customerId": STRING,
        "deletionTime": STRING,
        "emails": ["UserEmail"],
        "etag": STRING,
        "externalIds": ["UserExternalId"],
        "id": STRING,
        "includeInGlobalAddressList": BOOLEAN,
        "isAdmin": BOOLEAN,
        "isDelegatedAdmin": BOOLEAN,
        "isEnforcedIn2Sv": BOOLEAN,
        "isEnrolledIn2Sv": BOOLEAN,
        "isMailboxSetup": BOOLEAN,
        "kind": STRING,
        "languages": ["UserLanguage"],
        "lastLoginTime": STRING,
        "locations": ["UserLocation"],
        "name": "UserName",
        "nonEditableAliases": [STRING],
        "orgUnitPath": STRING,
        "organizations": ["UserOrganization"],
        "phones": ["UserPhone"],
        "primaryEmail": STRING,
        "recoveryEmail": STRING,
        "relations": ["UserRelation"],
        "suspended": BOOLEAN,
        "suspensionReason": STRING,
    },
    "UserName": {
        "displayName": STRING,
        "familyName": STRING,
        "fullName": STRING,
        "givenName": STRING,
    },
    "UserEmail": {"address": STRING, "customType": STRING, "primary": BOOLEAN, "type": STRING},
    "UserPhone": {"customType": STRING, "primary": BOOLEAN, "type": STRING, "value": STRING},
    "UserAddress": {
        "country": STRING,
        "formatted": STRING,
        "locality": STRING,
        "primary": BOOLEAN,
        "type": STRING,
    },
    "UserExternalId": {"customType": STRING, "type": STRING, "value": STRING},
    "UserRelation": {"customType": STRING, "type": STRING, "value": STRING},
    "UserLanguage": {"customLanguage": STRING, "languageCode": STRING, "preference": STRING},
    "UserLocation": {
        "area": STRING,
        "buildingId": STRING,
        "deskCode": STRING,
        "floorName": STRING,
        "type": STRING,
    },
    "UserOrganization": {
        "costCenter": STRING,
        "customType": STRING,
        "department": STRING,
        "description": STRING,
        "domain": STRING,
        "location": STRING,
        "name": STRING,
        "primary": BOOLEAN,
        "symbol": STRING,
        "title": STRING,
        "type": STRING,
    },
    "Groups": {
        "etag": STRING,
        "groups": ["Group"],
        "kind": STRING,
        "nextPageToken": STRING,
    },
    "Group": {
        "adminCreated": BOOLEAN,
        "aliases": [STRING],
        "description": STRING,
        "directMembersCount": STRING,
        "email": STRING,
        "etag": STRING,
        "id": STRING,
        "kind": STRING,
        "name": STRING,
        "nonEditableAliases": [STRING],
    },
    "Members": {
        "etag": STRING,
        "kind": STRING,
        "members": ["Member"],
        "nextPageToken": STRING,
    },
    "MembersHasMember": {"isMember": BOOLEAN},
    "Member": {
        "email": STRING,
        "etag": STRING,
        "id": STRING,
        "kind": STRING,
        "role": STRING,
        "status": STRING,
        "type": STRING,
    },
    "OrgUnits": {"etag": STRING, "kind": STRING, "organizationUnits": ["OrgUnit"]},
    "OrgUnit": {
        "description": STRING,
        "etag": STRING,
        "kind": STRING,
        "name": STRING,
        "orgUnitId": STRING,
        "orgUnitPath": STRING,
        "parentOrgUnitId": STRING,
        "parentOrgUnitPath": STRING,
    },
}
OPEN = frozenset({"CustomSchemas"})
"""Schemas whose names the customer chooses: schema, field and value."""

_JSON: Mapping[str, type] = {STRING: str, BOOLEAN: bool, INTEGER: int}


def check(value: object, kind: Type, where: str = "$") -> None:
    """Raise `AssertionError` if a value is not what the schema says."""
    if isinstance(kind, list):
        assert isinstance(value, list), where
        for n, one in enumerate(value):
            check(one, kind[0], f"{where}[{n}]")
    elif kind in _JSON:
        assert type(value) is _JSON[kind], f"{where} is no {kind}"
    else:
        assert isinstance(value, dict), where
        if kind in OPEN:
            assert all(isinstance(fields, dict) for fields in value.values()), where
            return
        for name, one in value.items():
            assert name in SCHEMAS[kind], f"{where}.{name} is not in {kind}"
            check(one, SCHEMAS[kind][name], f"{where}.{name}")


def selected(value: object, selection: str, kind: str) -> object:
    """Return the part of a resource that a ``fields`` parameter asks for.

    The syntax is that of "Performance Tips": names, ``a/b``, ``a(b,c)``. Raises `ValueError` with
    the name that the resource does not have.
    """
    tree, rest = _parsed(selection)
    if rest:
        raise ValueError(selection)
    _known(tree, kind)
    return _cut(value, tree)


Tree = dict[str, "Tree"]


def _parsed(text: str) -> tuple[Tree, str]:
    tree: Tree = {}
    while text:
        end = next((n for n, char in enumerate(text) if char in ",()/"), len(text))
        name, text = text[:end], text[end:]
        if not name:
            raise ValueError(text)
        inner: Tree = {}
        if text.startswith("/"):
            inner, text = _one(text[1:])
        elif text.startswith("("):
            inner, text = _parsed(text[1:])
            if not text.startswith(")"):
                raise ValueError(text)
            text = text[1:]
        tree[name] = inner
        if not text.startswith(","):
            break
        text = text[1:]
    return tree, text


def _one(text: str) -> tuple[Tree, str]:
    end = next((n for n, char in enumerate(text) if char in ",()"), len(text))
    if text[end : end + 1] == "(":
        tree, rest = _parsed(text)
        return tree, rest
    tree = {}
    for name in reversed(text[:end].split("/")):
        tree = {name: tree}
    return tree, text[end:]


def _known(tree: Tree, kind: str) -> None:
    if kind in OPEN or kind in _JSON:
        return
    for name, inner in tree.items():
        if name not in SCHEMAS[kind]:
            raise ValueError(name)
        below = SCHEMAS[kind][name]
        _known(inner, below[0] if isinstance(below, list) else below)


def _cut(value: object, tree: Tree) -> object:
    if not tree or not isinstance(value, (dict, list)):
        return value
    if isinstance(value, list):
        return [_cut(one, tree) for one in value]
    return {name: _cut(one, tree[name]) for name, one in value.items() if name in tree}
