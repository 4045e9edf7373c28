from tests.support.shell import effects, facts, one


def test_reach():
    assert {"publish", "network"} <= effects("git push")
    assert "network" in effects("git fetch")
    assert facts("git clone git@h.example:a/b").hosts == ("h.example",)


def test_a_clone_is_written_where_it_says_or_under_its_name():
    assert one("git clone https://h.example/a/b.git").writes == ("/repo/b",)
    assert one("git clone https://h.example/a/b.git c").writes == ("/repo/c",)


def test_a_lease_does_not_make_force_harmless():
    for text in ("git push --force --force-with-lease", "git push --force-with-lease --force origin main"):
        assert "destructive" in effects(text)
    assert "destructive" not in effects("git push --force-with-lease --force-if-includes")
