"""The table and the goals of the figures of several servers."""

from __future__ import annotations

import pytest

from bench.federation import QUICK, Goal, Size, goals, main, missed, table


def test_the_longer_the_split_the_longer_it_may_take_to_heal() -> None:
    limits = {goal.key: goal.limit for goal in goals(Size())}
    assert limits["heal.1000.s"] == pytest.approx(10.1)
    assert limits["heal.50000.s"] == 15
    assert limits["slow.1 KiB/s.queued_mib"] == 8


def test_the_median_decides() -> None:
    rounds = [{"burst.ratio": ratio} for ratio in (1.3, 1.0, 1.05)]
    goal = Goal("burst.ratio", 1.1)
    assert missed(rounds, [goal]) == []
    assert missed(rounds[:1], [goal]) == [goal]
    assert "<= 1.1 reached" in table(rounds, [goal])
    assert "<= 1.1 MISSED" in table(rounds[:1], [goal])


def test_what_was_not_measured_is_not_missed() -> None:
    assert missed([{"both.s": 1.0}], goals(QUICK)) == []


def test_only_parts_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--parts", "heal,everything"])
    assert "heal,both,slow,burst" in capsys.readouterr().err
