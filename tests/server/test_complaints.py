"""What is said once."""

from tertulia.server.complaints import KEPT_MOST, Complaints


def test_nothing_is_said_twice_in_a_row():
    said = []
    complaints = Complaints()

    def about(whom, kind, what):
        complaints.about(whom, kind, what, lambda: said.append((whom, kind, what)))

    for _ in range(3):
        about("a", "door", "x")
        about("b", "door", "x")
        about("a", "window", "x")
    assert said == [("a", "door", "x"), ("b", "door", "x"), ("a", "window", "x")]
    said.clear()
    about("a", "door", "y")
    about("a", "door", "x")
    complaints.over("a")
    about("a", "door", "x")
    about("b", "door", "x")
    assert said == [("a", "door", "y"), ("a", "door", "x"), ("a", "door", "x")]


def test_strangers_do_not_fill_the_memory():
    complaints = Complaints()
    for n in range(3 * KEPT_MOST):
        complaints.about(str(n), "door", "x", lambda: None)
    assert len(complaints._said) == KEPT_MOST
