"""A problem says file, line, place, value and cure in one sentence; a policy error holds all of them, each once."""

from policies.errors import PolicyError, Problem, listed, nearest, path_text, shown


def test_a_sentence_names_everything():
    problem = Problem("p.yaml", ("rules", "base", 0, "deny"), "'x' is not accepted", "accepted: y", 7)
    assert problem.sentence() == "p.yaml:7: rules.base[0].deny: 'x' is not accepted; accepted: y"
    assert Problem("p.yaml", (), "empty").sentence() == "p.yaml: empty"


def test_an_error_keeps_each_problem_once_in_order():
    first, second = Problem("a", (), "1"), Problem("a", (), "2")
    error = PolicyError([first, second, first])
    assert error.problems == (first, second)
    assert str(error) == "a: 1\na: 2"


def test_words():
    assert path_text(("vars", "a b", 3)) == 'vars."a b"[3]'
    assert nearest("progam", ["program", "paths"]) == ", did you mean program?"
    assert nearest("zzz", ["program"]) == ""
    assert shown("x" * 100).endswith("…")
    assert [shown(None), shown(True), shown([1]), shown({})] == ["null", "true", "a list", "a mapping"]
    assert listed(str(n) for n in range(40)).endswith("and 10 more")
