"""The bot in docs/bot.md does what is said there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.behaviour.places import Place, environment, process_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "bot.md"


async def test_the_bot_answers(place: Place, tmp_path: Path) -> None:
    [source] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    program = tmp_path / "dice.py"
    program.write_text(source, encoding="utf-8")
    ana = await place.ircv3("ana")
    await ana.enter("#tea")
    command = (sys.executable, str(program), "127.0.0.1", str(place.ports["irc"]))
    async with process_of(command, environment(tmp_path)):
        await ana.expect_joined("dice", "#tea")
        ana.say("#tea", "!dice")
        answer = await ana.expect_seen("said", by="dice")
        assert re.fullmatch("ana: [1-6]", answer.text)
        ana.tell("dice", "!dice")
        await ana.expect_seen("told", by="dice")
