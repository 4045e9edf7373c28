"""The facts are values: equal when they say the same, and usable as keys of a memo."""

from policies.facts import Command, Facts


def test_equal_facts_are_one_key() -> None:
    def facts() -> Facts:
        return Facts(
            "shell",
            "Bash",
            commands=(Command("rm", ("rm", "-rf", None), flags=("-r", "-f")),),
            effects=("destructive",),
        )

    assert {facts(): 1}[facts()] == 1


def test_a_word_that_is_not_known_is_none_and_not_empty() -> None:
    command = Command("echo", ("echo", None, ""))
    assert command.argv[1] is None
    assert command.argv[2] == ""
