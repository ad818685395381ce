"""The methods about people, conversations and views."""

from bot.demo import block_rules, limits, people
from bot.demo.modals import dress
from bot.demo.refusals import RefusedError
from bot.demo.team import Args, Team
from bot.demo.workspace import Channel

Answer = dict[str, object]
_READ_SCOPES = {"private": "groups:read", "app": "im:read", "im": "im:read"}


def auth_test(team: Team, args: Args) -> Answer:  # noqa: ARG001 - every method has this shape
    """auth.test."""
    return {
        "url": f"{team.base_url}/",
        "team": people.TEAM_NAME,
        "user": "dirsync",
        "team_id": people.TEAM_ID,
        "user_id": people.BOT_USER_ID,
        "bot_id": people.BOT_ID,
        "is_enterprise_install": False,
    }


def connections_open(team: Team, args: Args) -> Answer:  # noqa: ARG001 - likewise
    """apps.connections.open: a web socket's URL, good for one connection."""
    return {"url": team.new_link()}


def users_info(team: Team, args: Args) -> Answer:
    """users.info."""
    person = team.workspace.person(args.need("user"))
    with_email = "users:read.email" in team.installation.scopes
    return {"user": people.user_object(person, with_email=with_email)}


def lookup_by_email(team: Team, args: Args) -> Answer:
    """users.lookupByEmail: everybody but bots and those who were deactivated."""
    wanted = args.need("email").casefold()
    for person in team.workspace.people.values():
        known = person.email and not person.deleted and not person.is_bot
        if known and person.email.casefold() == wanted:
            return {"user": people.user_object(person, with_email=True)}
    raise RefusedError("users_not_found")


def usergroup_users(team: Team, args: Args) -> Answer:
    """usergroups.users.list: a disabled group is found only where it is asked for."""
    group = team.workspace.usergroups.get(args.need("usergroup"))
    if group is None or (group.disabled and not args.flag("include_disabled")):
        raise RefusedError("no_such_subteam")
    return {"users": [*group.users]}


def conversations_open(team: Team, args: Args) -> Answer:
    """conversations.open: the direct message with one person."""
    users = [user for user in args.need("users").split(",") if user]
    if len(users) > 1:
        team.installation.demand("mpim:write")
        raise RefusedError("method_not_supported_for_channel_type")
    person = team.workspace.person("".join(users))
    if person.deleted:
        raise RefusedError("user_disabled")
    channel = team.workspace.direct(person.id)
    return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}


def conversations_info(team: Team, args: Args) -> Answer:
    """conversations.info: what is asked for decides the scope that it takes."""
    channel = team.workspace.channel(args.need("channel"))
    team.installation.demand(_READ_SCOPES.get(channel.kind, "channels:read"))
    if channel.kind != "channel" and team.bot not in channel.members:
        raise RefusedError("channel_not_found")
    return {"channel": _channel_object(team, channel)}


def conversations_join(team: Team, args: Args) -> Answer:
    """conversations.join: public channels only."""
    channel = team.workspace.channel(args.need("channel"))
    if channel.kind == "private":
        raise RefusedError("channel_not_found")
    if channel.is_direct:
        raise RefusedError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise RefusedError("is_archived")
    joined = team.workspace.change_channel(channel.id, join=[team.bot])
    return {"channel": _channel_object(team, joined)}


def _channel_object(team: Team, channel: Channel) -> Answer:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_private": channel.kind != "channel",
        "is_im": channel.is_direct,
        "is_archived": channel.is_archived,
        "is_member": team.bot in channel.members,
        "is_ext_shared": channel.is_shared,
        "topic": {"value": channel.topic},
        "num_members": len(channel.members),
    }


def views_open(team: Team, args: Args) -> Answer:
    """views.open: a modal, for the person whose trigger it is."""
    view = _checked(args, block_rules.MODAL)
    return {"view": team.modals.open(team.passes.redeem(args.values.get("trigger_id")), view)}


def views_push(team: Team, args: Args) -> Answer:
    """views.push: a modal on top of the one that the trigger came from."""
    view = _checked(args, block_rules.MODAL)
    return {"view": team.modals.push(team.passes.redeem(args.values.get("trigger_id")), view)}


def views_update(team: Team, args: Args) -> Answer:
    """views.update: by view_id or external_id, guarded by `hash` if one is given."""
    view = _checked(args, block_rules.MODAL)
    view_id = args.text("view_id")
    if view_id is None:
        view_id = team.modals.by_external_id(args.need("external_id"))
    return {"view": team.modals.update(view_id, view, hash_=args.text("hash"))}


def views_publish(team: Team, args: Args) -> Answer:
    """views.publish: a person's Home tab."""
    user = team.workspace.person(args.need("user_id"))
    view = _checked(args, block_rules.HOME)
    old, hash_ = team.workspace.homes.get(user.id), args.text("hash")
    if hash_ is not None and old is not None and old["hash"] != hash_:
        raise RefusedError("hash_conflict")
    kept = {} if old is None else {"id": old["id"], "root_view_id": old["id"]}
    shown = dress(team.workspace, view) | kept
    team.workspace.publish_home(user.id, shown)
    return {"view": shown}


def _checked(args: Args, kind: str) -> dict[str, object]:
    view = args.tree("view")
    limits.check_view(view, kind=kind)
    return view if isinstance(view, dict) else {}
