"""Modals on people's screens: stacks of at most three views, their hashes and their state."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.demo import people
from bot.demo.refusals import RefusedError
from bot.demo.workspace import ViewsClosed, ViewShown, Workspace

STACK = 3

View = Mapping[str, object]


@dataclass(kw_only=True)
class _Stack:
    user: str
    views: list[dict[str, object]] = field(default_factory=list)


class Modals:
    """What is open on each person's screen. One stack per person, as in Slack."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stacks: dict[str, _Stack] = {}

    def open(self, user: str, view: View) -> View:
        """Open a first view for a person, replacing what stood there."""
        self._refuse_known_external(view)
        shown = self._dress(view)
        self._stacks[user] = _Stack(user=user, views=[shown])
        return self._show(user, "open", shown)

    def push(self, user: str, view: View) -> View:
        """Put a view on top of a person's stack; the fourth is `push_limit_reached`."""
        stack = self._stacks.get(user)
        if stack is None or not stack.views:
            raise RefusedError("not_found")
        if len(stack.views) >= STACK:
            raise RefusedError("push_limit_reached")
        self._refuse_known_external(view)
        below = stack.views[-1]
        shown = self._dress(view)
        shown |= {"root_view_id": stack.views[0]["id"], "previous_view_id": below["id"]}
        stack.views.append(shown)
        return self._show(user, "push", shown)

    def update(self, view_id: str, view: View, *, hash_: str | None = None) -> View:
        """Replace an open view; `not_found`, or `hash_conflict` if it changed meanwhile."""
        stack, index = self._find(view_id)
        old = stack.views[index]
        if hash_ is not None and hash_ != old["hash"]:
            raise RefusedError("hash_conflict")
        kept = {name: old[name] for name in ("id", "root_view_id", "previous_view_id")}
        stack.views[index] = self._dress(view) | kept
        return self._show(stack.user, "update", stack.views[index])

    def owned(self, user: str, view_id: str) -> View:
        """Return a view that is open on this person's screen; else `not_found`."""
        stack, index = self._find(view_id)
        if stack.user != user:
            raise RefusedError("not_found")
        return stack.views[index]

    def by_external_id(self, external_id: str) -> str:
        """Return the id of the open view with this external_id; else `not_found`."""
        for stack in self._stacks.values():
            for view in stack.views:
                if view["external_id"] == external_id:
                    return str(view["id"])
        raise RefusedError("not_found")

    def close(self, user: str, view_id: str, *, all_of_them: bool) -> list[View]:
        """Close a view and what is above it, or the stack; return what closed, top first."""
        stack, index = self._find(view_id)
        gone = stack.views[0 if all_of_them else index :]
        del stack.views[0 if all_of_them else index :]
        self._workspace.tell(ViewsClosed(user=user, view_id=view_id, all=not stack.views))
        return [*reversed(gone)]

    def keep_state(self, view_id: str, state: Mapping[str, object]) -> View:
        """Store what the person has entered and return the view with it."""
        stack, index = self._find(view_id)
        stack.views[index] = {**stack.views[index], "state": {"values": dict(state)}}
        return stack.views[index]

    def _find(self, view_id: str) -> tuple[_Stack, int]:
        for stack in self._stacks.values():
            for index, view in enumerate(stack.views):
                if view["id"] == view_id:
                    return stack, index
        raise RefusedError("not_found")

    def _refuse_known_external(self, view: View) -> None:
        wanted = view.get("external_id")
        views = (view for stack in self._stacks.values() for view in stack.views)
        if wanted and any(open_view["external_id"] == wanted for open_view in views):
            raise RefusedError("duplicate_external_id")

    def _show(self, user: str, action: str, view: View) -> View:
        self._workspace.tell(ViewShown(user=user, action=action, view=view))
        return view

    def _dress(self, view: View) -> dict[str, object]:
        return dress(self._workspace, view)


def dress(workspace: Workspace, view: View) -> dict[str, object]:
    """Return a view as Slack gives it back: with id, hash, empty state and defaults."""
    id_ = workspace.new_id("V")
    blocks = view["blocks"]
    filled = [workspace.with_ids(block) for block in blocks] if isinstance(blocks, list) else []
    return {
        "callback_id": "",
        "external_id": "",
        "private_metadata": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "title": None,
        **view,
        "blocks": filled,
        "id": id_,
        "root_view_id": id_,
        "previous_view_id": None,
        "team_id": people.TEAM_ID,
        "app_id": people.APP_ID,
        "app_installed_team_id": people.TEAM_ID,
        "bot_id": people.BOT_ID,
        "hash": f"{workspace.new_ts()[:10]}.{workspace.new_id('h')}",
        "state": {"values": {}},
    }
