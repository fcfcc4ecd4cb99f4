"""Several servers, and everything that can happen to them."""

import pytest

from tests.simulation.scenario import Scenario


@pytest.mark.parametrize("seed", range(600))
def test_all_servers_agree_in_the_end_and_nothing_is_lost(tmp_path, seed):
    scenario = Scenario(tmp_path, seed)
    scenario.run()
    scenario.check()
