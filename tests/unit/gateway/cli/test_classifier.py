import builtins
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from gateway.cli import classifier


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(classifier.COMMAND, list(arguments))


def test_a_random_split_is_refused_with_the_reason() -> None:
    result = _run("evaluate", "--split", "random")
    assert result.exit_code == 1
    assert "use --split group" in result.output


def test_data_without_licences_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    result = _run("train", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "LICENSE.upstream is missing" in result.output
    assert not (tmp_path / "out").exists()


def test_a_ledger_with_too_little_in_it_is_refused(tmp_path: Path) -> None:
    row = {"ask": "x", "group": "g", "lane": "local", "success": 1}
    (tmp_path / "log").write_text(json.dumps(row))
    result = _run("retrain", "--from-ledger", str(tmp_path / "log"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "0 pairs of outcomes in 0 groups" in result.output


def test_a_loser_is_not_written_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    outcome = SimpleNamespace(
        promoted=False, printed=lambda: "keep the shipped one\n", trained=SimpleNamespace(write=written.append)
    )
    training = SimpleNamespace(retrain=SimpleNamespace(Unusable=ValueError, retrain=lambda *a, **k: outcome))
    monkeypatch.setattr(classifier, "_training", lambda: training)
    (tmp_path / "log").write_text("")
    arguments = ("retrain", "--from-ledger", str(tmp_path / "log"), "--out", str(tmp_path / "out"))
    assert _run(*arguments).exit_code == 1
    assert written == []
    assert _run(*arguments, "--force").exit_code == 1
    assert written == [tmp_path / "out" / "candidate"]
    outcome.promoted = True
    assert _run(*arguments).exit_code == 0
    assert written[-1] == tmp_path / "out"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name.startswith("classifiers.training"):
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
    result = _run("evaluate")
    assert result.exit_code == 1
    assert "interlock[train]" in result.output


def test_the_auto_approval_model_has_its_own_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []
    trained = SimpleNamespace(
        write=lambda out: out.mkdir(), manifest=SimpleNamespace(version="approve-1"), graph=b"x" * 200_000
    )

    def train(data: Path | None, read: object, **more: object) -> object:
        asked.append({"data": data, **more})
        return trained

    train_module = SimpleNamespace(SEED=3, RISK=0.01, ParityError=KeyError, train=train)
    report = SimpleNamespace(report=lambda model, data, read, tell: "figures\n")
    held = SimpleNamespace(train=train_module, report=report, read=None, source_error=ValueError)
    monkeypatch.setattr(classifier, "_approval", lambda: held)
    result = _run("train", "--head", "approve", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert "version approve-1; 0.20 MB" in result.output
    assert (asked[0]["data"], asked[0]["seed"], asked[0]["risk"]) == (None, 3, 0.01)
    assert _run("train", "--head", "approve", "--risk", "0.05", "--out", str(tmp_path / "b")).exit_code == 0
    assert asked[1]["risk"] == 0.05
    assert _run("evaluate", "--head", "approve").output == "figures\n"


def test_policy_data_without_licences_is_refused(tmp_path: Path) -> None:
    result = _run("train", "--head", "approve", "--data", str(tmp_path), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "nl2bash/data/bash: no licence file" in result.output
    result = _run("evaluate", "--head", "approve", "--model", str(tmp_path))
    assert result.exit_code == 1
    assert "cannot be read" in result.output


def test_a_ledger_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    result = _run("retrain", "--from-ledger", str(tmp_path / "log"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "the ledger cannot be read" in result.output
