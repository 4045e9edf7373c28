"""Facts of one turn: told by that turn alone, small, equal for equal turns."""

import json

from classifiers.features.facts import AgentFacts, CallFacts, HumanFacts, ResultFacts, facts_of
from classifiers.features.turns import AGENT_CHARS, RESULT_CHARS, Turn


def call(tool: str, **arguments) -> CallFacts:
    found = facts_of(Turn("call", tool=tool, arguments=json.dumps(arguments), id="c1"))
    assert isinstance(found, CallFacts)
    return found


def test_each_kind_of_turn_has_its_facts():
    assert facts_of(Turn("human", text="fix it")) == facts_of(Turn("human", text="fix it"))
    assert isinstance(facts_of(Turn("human", text="fix it")), HumanFacts)
    assert facts_of(Turn("agent", text="done")) == AgentFacts("done")
    assert facts_of(Turn("result", text="ok", id="c1", is_error=True)) == ResultFacts("ok", True, "c1")


def test_long_texts_are_cut():
    agent = facts_of(Turn("agent", text="x" * 100_000))
    result = facts_of(Turn("result", text="x" * 100_000))
    assert isinstance(agent, AgentFacts)
    assert isinstance(result, ResultFacts)
    assert len(agent.text) <= AGENT_CHARS + 1
    assert len(result.text) <= RESULT_CHARS + 1


def test_calls_of_all_harnesses_say_the_same():
    assert call("write", filePath="/home/me/p/src/a.py", content="x").act == "edit"
    edits = [
        call("write", filePath="/home/me/p/src/a.py", content="x"),
        call("edit", file_path="src/a.py"),
        call("exec_command", cmd="sed -i s/a/b/ src/a.py"),
        call("exec_command", cmd="apply_patch <<E\n*** Update File: src/a.py\nE"),
        call("tool_call", name="write_file", arguments={}, path="src/a.py"),
    ]
    assert {e.act for e in edits} == {"edit"}
    assert len({e.files for e in edits}) == 1


def test_a_patch_as_free_text_names_its_files():
    patch = facts_of(Turn("call", tool="apply_patch", arguments="*** Begin Patch\n*** Add File: a/b.py\n+x\n"))
    assert isinstance(patch, CallFacts)
    assert patch.act == "edit"
    assert len(patch.files) == 1


def test_commands():
    assert call("bash", command="pytest -q").test
    assert call("bash", command="pytest -q").ran
    assert call("bash", command="cat a.py").act == "read"
    assert not call("bash", command="cat a.py").ran
    assert call("run_tests").test
    assert call("bash").act == "run"


def test_the_key_names_tool_and_arguments():
    assert call("bash", command="ls").key == call("bash", command="ls").key
    assert call("bash", command="ls").key != call("bash", command="ls -a").key
    assert len(call("bash", command="ls").key) == 8
