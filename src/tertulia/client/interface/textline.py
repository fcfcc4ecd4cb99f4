"""A line to type in, which does one key after the other."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class TextLine(Input):
    """A line of text; keys that are bound, here or on its screen, act in the order of typing.

    Otherwise a key is looked up in the bindings when it was handed up to the application, and by
    then what was typed behind Enter is in the line, and goes along. *typed* is told the text when
    somebody has changed it.
    """

    def __init__(self, typed: Callable[[str], None], *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._typed = typed
        self._is_put = False

    def put(self, text: str, cursor: int | None = None) -> None:
        """Have *text* to type on in; that is none that was typed."""
        self._is_put = True
        self.value = text
        self.cursor_position = len(text) if cursor is None else cursor
        self._is_put = False

    def watch_value(self, value: str) -> None:
        """Tell that something was typed."""
        if not self._is_put:
            self._typed(value)

    async def _on_key(self, event: events.Key) -> None:
        for namespace in (self.screen, self):
            for binding in namespace._bindings.key_to_bindings.get(event.key, ()):
                event.stop()
                event.prevent_default()
                await self.app.run_action(binding.action, namespace)
                return
