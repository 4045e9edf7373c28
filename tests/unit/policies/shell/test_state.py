from policies.shell.state import DIRS_MAX, NOWHERE, State, bounded, union


def test_a_copy_is_independent():
    first = State(("/a",), ("/a",), {"x": "1"})
    second = first.copy()
    second.values["x"] = "2"
    second.go(("/b",), ("/a",))
    assert first.values == {"x": "1"}
    assert first.dirs == ("/a",)


def test_join_keeps_only_what_both_know():
    first = State(("/a",), ("/a",), {"x": "1", "y": "1", "z": "1"})
    first.join(State(("/b",), ("/a",), {"x": "1", "y": "2"}))
    assert first.values == {"x": "1", "y": None, "z": None}
    assert first.dirs == ("/a", "/b")


def test_settle_takes_both_ends():
    state = State(("/b",), ("/a",))
    state.settle()
    assert state.dirs == state.failed == ("/b", "/a")


def test_too_many_directories_are_none():
    assert bounded(tuple(f"/{n}" for n in range(DIRS_MAX + 1))) == (NOWHERE,)
    assert union(("/a",), ("/a", "/b")) == ("/a", "/b")
