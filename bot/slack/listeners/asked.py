"""What somebody asked for, as the handlers of verbs get it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.grammar import Command, spell


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A command with where its list starts, and whether it takes the clicked message's place."""

    command: Command
    offset: int = 0
    replace: bool = False

    @property
    def text(self) -> str:
        """The command as text, for buttons."""
        return spell(self.command)
