"""The `chat.*` methods, response URLs, and the file shares that become messages."""

from collections.abc import Mapping

from bot.demo import limits, people
from bot.demo.passes import Answerable
from bot.demo.refusals import RefusedError
from bot.demo.team import Args, Team
from bot.demo.workspace import Blocks, Channel, Message

Answer = dict[str, object]


def message_object(message: Message) -> Answer:
    """Return a message as Slack's JSON."""
    shown: Answer = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": people.TEAM_ID,
        "blocks": [*message.blocks],
    }
    if message.user == people.BOT_USER_ID:
        shown |= {"bot_id": people.BOT_ID, "app_id": people.APP_ID}
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.ts}
    if message.files:
        shown["files"] = [
            {"id": file.id, "name": file.name, "size": file.size, "alt_txt": file.alt}
            for file in message.files
        ]
    return shown


def post_message(team: Team, args: Args) -> Answer:
    """chat.postMessage."""
    channel = _writable(team, args.need("channel"), public=True)
    text, blocks = _content(args, most=limits.MESSAGE_TEXT)
    team.limiter.count("chat.postMessage", channel.id)
    message = team.workspace.post(
        channel=channel.id,
        user=team.bot,
        text=text,
        blocks=blocks or (),
        thread_ts=_thread(team, channel, args),
    )
    return {"channel": channel.id, "ts": message.ts, "message": message_object(message)}


def update(team: Team, args: Args) -> Answer:
    """chat.update: the app's own messages only, never ephemeral ones."""
    message = _own(team, args, otherwise="cant_update_message")
    text, blocks = _content(args, most=limits.UPDATE_TEXT)
    kept = message.blocks if blocks is None else blocks
    changed = team.workspace.edit(message, text=text, blocks=kept)
    shown = message_object(changed)
    return {"channel": changed.channel, "ts": changed.ts, "text": text, "message": shown}


def delete(team: Team, args: Args) -> Answer:
    """chat.delete: the app's own messages only."""
    message = _own(team, args, otherwise="cant_delete_message")
    team.workspace.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def post_ephemeral(team: Team, args: Args) -> Answer:
    """chat.postEphemeral: to a person who is in a channel where the app is, too."""
    channel = _writable(team, args.need("channel"), public=False)
    user = team.workspace.person(args.need("user"))
    if user.id not in channel.members:
        raise RefusedError("user_not_in_channel")
    text, blocks = _content(args, most=limits.MESSAGE_TEXT)
    message = team.workspace.post(
        channel=channel.id,
        user=team.bot,
        text=text,
        blocks=blocks or (),
        thread_ts=_thread(team, channel, args),
        only_for=user.id,
    )
    return {"message_ts": message.ts}


def get_permalink(team: Team, args: Args) -> Answer:
    """chat.getPermalink: a link into the demo's page."""
    channel = _visible(team, args.need("channel"))
    message = team.workspace.message(channel.id, args.need("message_ts"))
    link = f"{team.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def get_upload_url(team: Team, args: Args) -> Answer:
    """files.getUploadURLExternal."""
    length = args.need("length")
    if not length.isdecimal():
        raise RefusedError("invalid_arguments", messages=["[ERROR] length must be an integer"])
    name = args.need("filename").replace("/", "_")
    upload = team.files.announce(name, int(length), args.text("alt_txt") or "")
    return {"upload_url": f"{team.base_url}/upload/v1/{upload.id}", "file_id": upload.id}


def complete_upload(team: Team, args: Args) -> Answer:
    """files.completeUploadExternal: shares the files in one message, if a channel is given."""
    target = args.text("channel_id")
    channel = _writable(team, target, public=False) if target else None
    files = team.files.complete(args.tree("files"))
    if channel is not None:
        team.workspace.post(
            channel=channel.id,
            user=team.bot,
            text=args.text("initial_comment") or "",
            thread_ts=_thread(team, channel, args),
            files=tuple(files),
        )
    return {"files": [{"id": file.id, "title": file.name} for file in files]}


def respond(team: Team, token: str, body: Mapping[str, object]) -> None:
    """Take a POST to a response URL: answer, replace or delete what was clicked on."""
    to = team.passes.respond(token)
    args = Args(values=body)
    original = _original(team, to)
    if args.flag("delete_original"):
        if original is not None:
            team.workspace.delete(original)
        return
    text, blocks = _content(args, most=limits.MESSAGE_TEXT)
    if args.flag("replace_original") and original is not None:
        team.workspace.edit(original, text=text, blocks=blocks or ())
        return
    answer(team, to, text=text, blocks=blocks or (), kind=args.text("response_type"))


def answer(team: Team, to: Answerable, *, text: str, blocks: Blocks, kind: str | None) -> None:
    """Post an answer to a command or click: ephemeral unless `kind` is in_channel."""
    team.workspace.post(
        channel=to.channel,
        user=team.bot,
        text=text,
        blocks=blocks,
        thread_ts=to.thread_ts,
        only_for=None if kind == "in_channel" else to.user,
    )


def answer_from(team: Team, to: Answerable, payload: Mapping[str, object]) -> None:
    """Post what an acknowledgement of a slash command carries, if it carries a message."""
    args = Args(values=payload)
    text, blocks = _content(args, most=limits.MESSAGE_TEXT)
    answer(team, to, text=text, blocks=blocks or (), kind=args.text("response_type"))


def _original(team: Team, to: Answerable) -> Message | None:
    try:
        return team.workspace.message(to.channel, to.ts) if to.ts else None
    except RefusedError:
        return None


def _content(args: Args, *, most: int) -> tuple[str, Blocks | None]:
    if args.tree("attachments"):
        raise RefusedError("invalid_attachments")
    text, blocks = args.values.get("text"), args.tree("blocks")
    limits.check_text(text, most=most)
    if blocks is not None:
        limits.check_blocks(blocks)
    if not text and not blocks:
        raise RefusedError("no_text")
    return str(text or ""), blocks if isinstance(blocks, list) else None


def _visible(team: Team, id_: str) -> Channel:
    if id_.startswith("U"):
        return team.workspace.direct(id_)
    if id_.startswith("#"):
        channel = team.workspace.channel_named(id_[1:])
    else:
        channel = team.workspace.channel(id_)
    if channel.kind == "private" and team.bot not in channel.members:
        raise RefusedError("channel_not_found")
    return channel


def _writable(team: Team, id_: str, *, public: bool) -> Channel:
    channel = _visible(team, id_)
    if channel.is_archived:
        raise RefusedError("is_archived")
    uninvited = team.bot not in channel.members
    if uninvited and not (public and "chat:write.public" in team.installation.scopes):
        raise RefusedError("not_in_channel")
    return channel


def _own(team: Team, args: Args, *, otherwise: str) -> Message:
    id_ = args.need("channel")
    if not id_.startswith(("C", "G", "D")):
        raise RefusedError("channel_not_found")
    message = team.workspace.message(_visible(team, id_).id, args.need("ts"))
    if message.only_for is not None:
        raise RefusedError("message_not_found")
    if message.user != team.bot:
        raise RefusedError(otherwise)
    if team.workspace.channel(id_).is_archived:
        raise RefusedError("is_archived")
    return message


def _thread(team: Team, channel: Channel, args: Args) -> str | None:
    wanted = args.text("thread_ts")
    if not wanted:
        return None
    try:
        parent = team.workspace.message(channel.id, wanted)
    except RefusedError:
        raise RefusedError("cannot_reply_to_message") from None
    if parent.only_for is not None:
        raise RefusedError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts
