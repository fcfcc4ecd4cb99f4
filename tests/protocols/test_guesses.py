"""Who guesses at secret tokens is not listened to for a while."""

from tertulia.protocols.guesses import ADDRESSES_MOST, WINDOW_S, WRONG_MOST, Guesses

HERE = "192.0.2.1"


def guessed(times: int) -> Guesses:
    guesses = Guesses()
    for _ in range(times):
        guesses.wrong(HERE, 0.0)
    return guesses


def test_a_few_wrong_ones_are_a_mistake():
    assert not guessed(WRONG_MOST - 1).is_barred(HERE, 0.0)


def test_many_bar_that_address_for_a_while():
    guesses = guessed(WRONG_MOST)
    assert guesses.is_barred(HERE, WINDOW_S - 1)
    assert not guesses.is_barred("192.0.2.2", 0.0)
    assert not guesses.is_barred(HERE, WINDOW_S)
    guesses.wrong(HERE, WINDOW_S)
    assert not guesses.is_barred(HERE, WINDOW_S)


def test_what_is_remembered_is_bounded():
    guesses = guessed(WRONG_MOST)
    for n in range(ADDRESSES_MOST):
        guesses.wrong(f"2001:db8::{n:x}", 0.0)
    assert not guesses.is_barred(HERE, 0.0)
