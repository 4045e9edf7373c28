"""Policies of a configuration: read, compiled, and every problem told."""

import pytest

from gateway.adapters import policy_files
from gateway.errors import ConfigError
from policies.compiled import Guard
from tests.support.gateways import loaded

MODELS = "models: {a: {provider: vllm, lane: local}}\n"


def config(folder, policies):
    return loaded(f"version: 1\n{MODELS}{policies}", file=str(folder / "interlock.yaml"))


def test_safe_default_when_nothing_is_said(tmp_path):
    policy = policy_files.compiled(config(tmp_path, ""), Guard())
    assert "no-secrets" in policy.rules


def test_nothing_when_told_so(tmp_path):
    assert policy_files.compiled(config(tmp_path, "policies: []\n"), Guard()) is None


def test_files_stand_beside_the_configuration(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "team.yaml").write_text("version: 1\nrules: {t: [{id: mine, deny: {program: ls}}]}\n")
    found = config(tmp_path, "policies: [safe-default, p/team.yaml]\n")
    assert policy_files.paths(found) == (tmp_path / "p" / "team.yaml",)
    policy = policy_files.compiled(found, Guard())
    assert {"mine", "no-secrets"} <= set(policy.rules)


def test_the_same_texts_are_compiled_once(tmp_path):
    found = config(tmp_path, "")
    assert policy_files.compiled(found, Guard()) is policy_files.compiled(found, Guard())
    assert policy_files.compiled(found, Guard()) is not policy_files.compiled(found, Guard(pids=(1,)))


def test_files_that_cannot_be_read_are_told_together(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "big.yaml").write_bytes(b"#" * (policy_files.FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigError) as caught:
        policy_files.compiled(config(tmp_path, "policies: [none.yaml, strct, latin.yaml, big.yaml]\n"), Guard())
    none, strict, latin, big = caught.value.problems
    assert f"{tmp_path}/interlock.yaml:3: policies[0]: {tmp_path}/none.yaml: No such file" in none
    assert "strict" in strict
    assert "not UTF-8" in latin
    assert "larger than" in big


def test_a_wrong_policy_is_told_with_file_line_value_and_cure(tmp_path):
    (tmp_path / "team.yaml").write_text("version: 1\nrules:\n  t:\n    - {id: x, deny: {efects: network}}\n")
    with pytest.raises(ConfigError) as caught:
        policy_files.compiled(config(tmp_path, "policies: team.yaml\n"), Guard())
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path}/team.yaml:4")
    assert "efects" in problem
    assert "effects" in problem
