"""What is typed: said, or done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client import commands
from tertulia.client.commands import Here, Local, Mistake, Result
from tertulia.client.interface.dialogs import Question
from tertulia.client.local import local_lines
from tertulia.client.session import intents
from tertulia.client.session.model import BufferKind, Kind
from tertulia.client.words import Words

if TYPE_CHECKING:
    from tertulia.client.interface.app import ChatApp

LINES_SHOWN = 6
LINE_SHOWN = 56


def listed(_: Words) -> list[tuple[str, str]]:
    """Return what help says of the commands."""
    lines = []
    for one in commands.COMMANDS:
        arguments = f" {_(one.arguments)}" if one.arguments else ""
        lines.append((f"/{one.name}{arguments}", _(one.help)))
    return lines


class Talking:
    """Takes what is typed or pasted."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app

    @property
    def here(self) -> Here:
        """Where something is typed."""
        return Here(self._app.desk.current, self._app.port.session, self._app.words)

    def complete(self, text: str, cursor: int) -> list[str]:
        """Return what Tab may make of the word before *cursor*."""
        return commands.complete(text, cursor, self.here)

    def typing(self, text: str) -> None:
        """Tell the others that one is typing."""
        buffer = self._app.desk.current
        if buffer.kind is not BufferKind.SERVER and not text.startswith("/"):
            self._app.port.do(intents.Typing(buffer.name, bool(text)))

    def submit(self, text: str) -> None:
        """Do or say *text*."""
        try:
            results = commands.parse(text, self.here)
        except Mistake as mistake:
            self._app.desk.note(str(mistake), kind=Kind.ERROR)
            results = []
        self._app.desk.talk.is_following = True
        for result in results:
            self._do(result)
        self._app.redraw()

    def _do(self, result: Result) -> None:
        app = self._app
        match result:
            case Local():
                self._local(result)
            case intents.Quit(reason):
                app.leave(reason)
            case intents.Search(words, target):
                app.searching.open(target, words)
            case intents.Clear():
                app.port.do(result)
                app.desk.talk.clear()
            case intents.Join(channel):
                app.want(channel)
                app.port.do(result)
            case intents.OpenQuery(nick):
                app.want(app.port.session.resolve(nick))
                app.port.do(result)
            case _:
                app.port.do(result)

    def _local(self, wish: Local) -> None:
        app = self._app
        if wish.name == "help" and not wish.argument:
            app.action_help()
            return
        for line in local_lines(wish, self.here):
            app.desk.note(line)

    def paste(self, text: str) -> None:
        """Ask before many lines are sent at once."""
        app, _ = self._app, self._app.words
        lines = text.splitlines()
        title = _.plural("Send {count} line?", "Send {count} lines?", len(lines))
        answers = [
            ("Enter", _("send them, each as a message"), "send"),
            ("J", _("join them to one line, to go on with"), "join"),
            ("Escape", _("do nothing"), "nothing"),
        ]
        shown = [line[:LINE_SHOWN] for line in lines[:LINES_SHOWN]]
        shown += ["…"] if len(lines) > LINES_SHOWN else []
        question = Question(app.palette, title, "\n".join(shown), answers)
        app.push_screen(question, lambda answer: self._pasted(answer, text))

    def _pasted(self, answer: str | None, text: str) -> None:
        prompt = self._app.chat.prompt
        if answer == "join":
            prompt.insert_text_at_cursor(" ".join(line.strip() for line in text.splitlines()))
        elif answer == "send":
            self._say(prompt.value + text)
            prompt.put("")

    def _say(self, text: str) -> None:
        """Say *text* where one looks, whatever it begins with."""
        buffer = self._app.desk.current
        if buffer.kind is not BufferKind.SERVER:
            self._app.port.do(intents.Say(buffer.name, text))
