"""Several servers, and everything that can happen to them.

A seed that fails fails again: ``pytest tests/simulation -k "[seed]"``. `make simulate` tries many
more.
"""

import logging
import os

import pytest
import structlog

from tests.simulation.scenario import Scenario

SEEDS = 200


@pytest.fixture(autouse=True)
def quiet():
    """Thousands of servers that are cut off are no news."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def play(folder, seed: int) -> None:
    scenario = Scenario(folder, seed)
    try:
        scenario.run()
        scenario.check()
    finally:
        scenario.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_servers_agree_in_the_end_and_nothing_is_lost(tmp_path, seed):
    play(tmp_path, seed)


@pytest.mark.simulate
def test_the_same_with_many_more_seeds(tmp_path):
    """``SEEDS=<first>-<last>`` says which."""
    first, _, last = os.environ.get("SEEDS", "1000-11000").partition("-")
    failed = {}
    for seed in range(int(first), int(last)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            play(folder, seed)
        except Exception as error:
            failed[seed] = f"{type(error).__name__}: {error}"[:300]
            print(f"seed {seed}: {failed[seed]}", flush=True)
        for file in folder.iterdir():
            file.unlink()
    assert not failed, f"seeds {sorted(failed)}"
