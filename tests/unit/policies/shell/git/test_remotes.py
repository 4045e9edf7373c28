from tests.support.shell import effects, facts, one


def test_reach():
    assert {"publish", "network"} <= effects("git push")
    assert "network" in effects("git fetch")
    assert facts("git clone git@h.example:a/b").hosts == ("h.example",)


def test_a_clone_is_written_where_it_says_or_under_its_name():
    assert one("git clone https://h.example/a/b.git").writes == ("/repo/b",)
    assert one("git clone https://h.example/a/b.git c").writes == ("/repo/c",)
