"""Heights are found by row, whatever was put where."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tertulia.client.interface.heights import Heights

HEIGHT = st.integers(1, 4)
MANY = st.lists(HEIGHT, max_size=700)


class SameAsAList(RuleBasedStateMachine):
    """A list of numbers is the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.truth: list[int] = []
        self.heights = Heights()

    @rule(heights=MANY)
    def prepend(self, heights: list[int]) -> None:
        self.truth[:0] = heights
        self.heights.prepend(heights)

    @rule(height=HEIGHT, data=st.data())
    def insert(self, height: int, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.truth)))
        self.truth.insert(index, height)
        self.heights.insert(index, height)

    @precondition(lambda self: self.truth)
    @rule(height=HEIGHT, data=st.data())
    def change(self, height: int, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.truth) - 1))
        self.truth[index] = height
        self.heights[index] = height
        assert self.heights[index] == height

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.truth) - 1))
        del self.truth[index], self.heights[index]

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        row = data.draw(st.integers(0, sum(self.truth) - 1))
        index, inside = self.heights.find(row)
        assert sum(self.truth[:index]) + inside == row
        assert 0 <= inside < self.truth[index]

    @rule(data=st.data())
    def row_of(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.truth)))
        assert self.heights.row_of(index) == sum(self.truth[:index])

    @invariant()
    def same_sums(self) -> None:
        assert len(self.heights) == len(self.truth)
        assert self.heights.total == sum(self.truth)


TestSameAsAList = SameAsAList.TestCase
