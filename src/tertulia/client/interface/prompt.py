"""The line that one types in: with the keys of readline, what was typed before, and Tab."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Notice

from tertulia.client.interface.completion import Completion
from tertulia.client.interface.recall import Recall
from tertulia.client.interface.textline import TextLine


class Talker(Protocol):
    """Who takes what is typed."""

    def complete(self, text: str, cursor: int) -> list[str]:
        """Return what the word before *cursor* may become."""

    def typing(self, text: str) -> None:
        """Somebody is typing."""

    def submit(self, text: str) -> None:
        """Somebody pressed Enter."""


class Prompt(TextLine):
    """The line under the conversation."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+p", "recall(-1)", show=False),
        Binding("down,ctrl+n", "recall(1)", show=False),
        Binding("tab", "complete(1)", show=False),
        Binding("shift+tab", "complete(-1)", show=False),
        Binding("alt+b", "cursor_left_word", show=False),
        Binding("alt+f", "cursor_right_word", show=False),
        Binding("alt+d", "delete_right_word", show=False),
        Binding("alt+backspace,ctrl+backspace", "delete_left_word", show=False),
        Binding("alt+k", "delete_right_all", show=False),
        Binding("ctrl+b", "cursor_left", show=False),
        Binding("ctrl+t", "transpose", show=False),
        Binding("ctrl+y", "yank", show=False),
    ]

    class PastedLines(Notice):
        """Text of several lines was pasted."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, talker: Talker) -> None:
        super().__init__(talker.typing, id="prompt")
        self.recall = Recall()
        self._talker = talker
        self._completion = Completion(talker.complete)
        self._killed = ""

    async def action_submit(self) -> None:
        """Send what was typed."""
        text = self.value
        if text.strip():
            self.recall.keep(text)
            self.put("")
            self._talker.submit(text)

    def action_recall(self, step: int) -> None:
        """Show what was typed before, or after."""
        self.put(self.recall.back(self.value) if step < 0 else self.recall.forth(self.value))

    def action_complete(self, step: int) -> None:
        """Complete the word that the cursor is behind."""
        self.put(*self._completion.press(self.value, self.cursor_position, step))

    def action_transpose(self) -> None:
        """Swap the two characters around the cursor."""
        text, at = self.value, min(self.cursor_position, len(self.value) - 1)
        if at > 0:
            self.put(text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :], at + 1)

    def action_yank(self) -> None:
        """Put in again what was deleted last."""
        self.insert_text_at_cursor(self._killed)

    def delete(self, start: int, end: int) -> None:
        """Delete a range; what is more than a character can be put in again."""
        start, end = sorted((max(0, start), min(len(self.value), end)))
        if end - start > 1:
            self._killed = self.value[start:end]
        super().delete(start, end)

    def _on_paste(self, event: events.Paste) -> None:
        """One line goes where the cursor is; of several it is asked what to do with them."""
        event.stop()
        event.prevent_default()
        lines = event.text.splitlines()
        if len(lines) == 1:
            self.insert_text_at_cursor(lines[0].replace("\t", " "))
        elif lines:
            self.post_message(self.PastedLines("\n".join(lines)))
