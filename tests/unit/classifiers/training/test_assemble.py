import json
from pathlib import Path

import pytest

from classifiers.training.assemble import assemble, main


def test_without_data_only_generated_asks_are_there() -> None:
    rows = assemble(None, seed=1, share=0.05)
    assert not rows.outcomes
    assert [source.name for source in rows.sources] == ["generated-asks"]


def test_sources_carry_licence_and_digest(data_dir: Path) -> None:
    rows = assemble(data_dir, seed=1, share=0.05)
    assert {source.licence for source in rows.sources} == {"Apache-2.0", "MIT"}
    assert all(len(source.sha256) == 64 for source in rows.sources)


def test_the_hash_follows_the_rows(data_dir: Path) -> None:
    first = assemble(data_dir, seed=1, share=0.05)
    assert first.sha256() == assemble(data_dir, seed=1, share=0.05).sha256()
    assert first.sha256() != assemble(data_dir, seed=2, share=0.05).sha256()


def test_the_script_writes_what_is_trained_on(data_dir: Path, tmp_path: Path) -> None:
    main(["--data", str(data_dir), "--out", str(tmp_path / "out"), "--seed", "3"])
    tasks = (tmp_path / "out" / "tasks.jsonl").read_text().splitlines()
    assert len(tasks) > 1000
    assert json.loads(tasks[0])["task"]
    assert json.loads((tmp_path / "out" / "sources.json").read_text())["sources"]


def test_the_script_tells_what_is_wrong_with_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "routellm/LICENSE.upstream is missing" in capsys.readouterr().err
