"""Short forms of the language mean what their long forms mean."""

from pydantic import TypeAdapter

from policies.model import Match, PolicyFile, Rule, normalised

MATCH = TypeAdapter(Match)


def test_a_scalar_is_a_list_of_one():
    assert MATCH.validate_python({"program": "git", "effects": "network"}).program == ("git",)


def test_any_as_a_mapping_is_a_list_of_its_keys():
    short = MATCH.validate_python({"any": {"reads": "/a", "writes": ["/b"]}})
    assert short == MATCH.validate_python({"any": [{"reads": ["/a"]}, {"writes": ["/b"]}]})


def test_environment_and_arguments():
    held = MATCH.validate_python({"env": ["A", "B"], "args": {"x": "y", "z": {"regex": "q"}}, "mcp": "gh"})
    assert held.env == {"A": "*", "B": "*"}
    assert held.args["x"].glob == ("y",)
    assert held.args["z"].regex == "q"
    assert held.mcp.server == ("gh",)


def test_examples_may_be_commands():
    rule = Rule.model_validate({"id": "a", "deny": {}, "match": "ls", "not_match": [{"tool": "Read", "arguments": {}}]})
    assert rule.match[0].arguments == {"command": "ls"}
    assert rule.not_match[0].tool == "Read"


def test_sets_and_tools_may_be_short():
    value = normalised({"version": 1, "rules": {"a": []}, "tools": {"shell": {"names": ["x"], "arg": "c"}}})
    held = PolicyFile.model_validate(value)
    assert held.rules["a"].rules == ()
    assert held.tools["shell"][0].names == ("x",)
