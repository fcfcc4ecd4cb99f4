"""A scene that has a bit of everything, to look at."""

from __future__ import annotations

from tertulia.client.session import intents as i
from tests.client.interface.stage import Stage


def build(stage: Stage) -> None:
    """Be in channels in which much was said."""
    stage.come()
    stage.enter("#tertulia", "@bia", "+caio", "dora", "elisa", "félix", "gil")
    stage.enter("#livros", "@gil", "dora")
    stage.enter("#a-channel-with-quite-a-long-name", "@gil")
    topic = "Welcome to the tertúlia · Thursdays at 20h · https://tertulia.example/agenda · be kind"
    stage.says(f":bia!u@host TOPIC #tertulia :{topic}")
    stage.look_at("#tertulia")
    _talk(stage)
    stage.say("dora", "ana", "psst, have you got a minute?", 11)
    stage.say("gil", "#livros", "a new book", 12)
    stage.say("gil", "#livros", "ana, have you seen it?", 12)
    stage.says(":dora!u@host AWAY :lunch", "@+typing=active :caio!u@host TAGMSG #tertulia")


def _talk(stage: Stage) -> None:
    said = [
        ("bia", "Good morning! Is anybody there?"),
        ("bia", "The coffee is ready."),
        (
            "caio",
            "morning, bia — on my way. I was reading the new chapter, and thought of what you said"
            " of the typewriter yesterday, which was none after all.",
        ),
        (
            "dora",
            "\x02bold\x02, \x1ditalic\x1d, \x1funderlined\x1f, \x0304red\x03, \x0303green\x03",
        ),
        ("elisa", "look: https://pt.wikipedia.org/wiki/Tert%C3%BAlia (it is worth it)"),
        ("helena", "ana: are you coming on Thursday?"),
        ("félix", "日本語のテキスト 👍🏽 👩‍👩‍👧 emoji, العربية من اليمين and עברית"),
        ("gil", "\x01ACTION opens the window\x01"),
        ("gil", "hostile: \x1b[31mred\x1b[0m \x9b2J [bold]x[/bold] \u202eabc"),
        ("a_nickname_of_great_length", "and I?"),
    ]
    for minute, (by, text) in enumerate(said, 2):
        stage.say(by, "#tertulia", text, minute)


def speak(stage: Stage) -> None:
    """Say something that the server does not have yet."""
    stage.do(i.Say("#tertulia", "yes! until Thursday"))
