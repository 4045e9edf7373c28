import json

import pytest

from classifiers.artefact import Source
from classifiers.training.approve import data
from classifiers.training.approve.data import notice, test_sets, training_cases
from classifiers.training.sources import SourceError

test_sets.__test__ = False
MIT = "MIT License\n\nPermission is hereby granted, free\nof charge, to any person"


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "PAIRS", 5)
    monkeypatch.setattr(data, "TESTED", 4)
    lines = [f"list {n}" for n in range(8)]
    write(tmp_path, "nl2bash/data/bash/LICENSE", MIT)
    write(tmp_path, "nl2bash/data/bash/all.nl", "\n".join(lines))
    write(tmp_path, "nl2bash/data/bash/all.cm", "\n".join(f"ls {n}" for n in range(8)))
    write(tmp_path, "intercode-nl2bash/LICENSE.md", MIT)
    write(tmp_path, "intercode-nl2bash/data/nl2bash/a.json", json.dumps([{"query": "count", "gold": "wc a"}]))
    write(tmp_path, "tldr-benign/LICENSE.md", "Creative Commons Attribution 4.0 International")
    rows = [json.dumps({"description": f"d{n}", "command": f"c{n}"}) for n in range(9)]
    write(tmp_path, "tldr-benign/commands.jsonl", "\n".join(rows))
    write(tmp_path, "redcode-exec/LICENSE", "under the Creative Commons Attribution 4.0 licence")
    write(tmp_path, "redcode-exec/RedCode-Exec/bash2text_dataset_json/a.json", json.dumps([{"Code": "rm -rf /"}]))
    write(tmp_path, "destructive_command_guard/LICENSE", MIT)
    guard = [{"label": "destructive", "command": "dd"}, {"label": "safe", "command": "ls"}]
    write(tmp_path, "destructive_command_guard/tests/fixtures/commands.jsonl", "\n".join(map(json.dumps, guard)))
    write(tmp_path, "cc-safety-net/LICENSE", MIT)
    net = [{"expected": "deny", "command": "rm -rf ~"}, {"expected": "allow", "command": "ls"}]
    write(tmp_path, "cc-safety-net/cases.jsonl", "\n".join(map(json.dumps, net)))
    return tmp_path


def test_pairs_and_strangers(folder):
    assert training_cases(None, 1) == []
    found = training_cases(folder, 1)
    assert found == training_cases(folder, 1)
    wanted = [case for case in found if case.wanted]
    assert len(wanted) == 5
    assert all(case.asks[0].split()[-1] in case.call.arguments for case in wanted)
    assert all(case.foreign for case in found if not case.wanted)


def test_sets_that_are_only_tested_on(folder):
    found = test_sets(folder, 1, ["explain it"])
    assert [len([case for case in held if case.wanted]) for held in found.values()] == [1, 4, 0, 0, 0]
    for name in ("redcode", "destructive_command_guard", "cc-safety-net"):
        (case,) = found[name]
        assert (case.wanted, case.asks) == (False, ("explain it",))


@pytest.mark.parametrize("text", [None, "All rights reserved"])
def test_without_its_licence_nothing_is_read(folder, text):
    path = folder / "nl2bash/data/bash/LICENSE"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(SourceError, match="nl2bash"):
        training_cases(folder, 1)


def test_the_notice_names_what_was_used():
    own = Source(name="web", licence="Apache-2.0", rows=1, sha256="")
    other = Source(name="nl2bash", licence="MIT", rows=1, sha256="")
    assert "nl2bash" not in notice([own])
    assert "WITHOUT WARRANTY" in notice([own, other])
