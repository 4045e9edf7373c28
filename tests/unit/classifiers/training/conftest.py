"""A data directory of a few made-up rows in the layout of the routing data, and a classifier trained on it in seconds."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from classifiers.training import certify, text
from classifiers.training.assemble import Rows, assemble
from classifiers.training.sources import STRONG, WEAK
from classifiers.training.train import Trained, build

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person\n"
APACHE = "Apache License\nVersion 2.0, January 2004\n"
MADE = datetime.date(2026, 11, 21)
SUBJECTS = {"botany": "plant leaf root flower", "law": "court treaty judge statute", "optics": "lens light ray prism"}
TASKS = {
    "trivia_qa": "who won the cup in",
    "mbpp": "write a python function to sort",
    "gsm8k": "apples cost dollars how many",
}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("routing")
    for folder, licence in {
        "routellm": APACHE,
        "llmrouter_uiuc": MIT,
        "moatless": MIT,
        "agentless": MIT,
        "aider": APACHE,
    }.items():
        (root / folder).mkdir()
        (root / folder / "LICENSE.upstream").write_text(licence)
    _mmlu(root / "routellm" / "mmlu")
    _router(root / "llmrouter_uiuc")
    _agents(root)
    rows = [("Aider-AI/refactor-benchmark", f"r{i}", f"Refactor the `m{i}` method into a function") for i in range(6)]
    rows.append(("Aider-AI/polyglot-benchmark", "exercise", "an exercise of unknown licence"))
    lines = [json.dumps({"source": source, "id": name, "instruction": text}) for source, name, text in rows]
    (root / "aider" / "aider_task_instructions.jsonl").write_text("\n".join(lines) + "\n")
    return root


def _mmlu(folder: Path) -> None:
    folder.mkdir()
    for number, (subject, words) in enumerate(SUBJECTS.items()):
        with (folder / f"mmlu_{subject}.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["prompt", "weak", "strong"])
            for i in range(40):
                text = f"Which {words.split()[i % 4]} number {i} is {'not ' * (i % 3 == 0)}right?\nA. this\nB. that\nAnswer:"
                out.writerow([text, i % 3 != 0 and i % 7 != number, i % 11 != 0])


def _router(folder: Path) -> None:
    questions = [(task, f"{words} {i} {'x' * (i % 5)}") for task, words in TASKS.items() for i in range(40)]
    scored = [
        {"question": text, "scores": {WEAK: float(i % 2), STRONG: float(i % 2 or task == "mbpp")}}
        for i, (task, text) in enumerate(questions)
    ]
    named = [json.dumps({"task_name": task, "query": text}) for task, text in questions]
    for part, chosen in (("train", slice(0, 100)), ("test", slice(100, None))):
        (folder / f"dcrouter_preprocessed__{part}.json").write_text(json.dumps(scored[chosen]))
        (folder / f"query_data__default_query_{part}.jsonl").write_text("\n".join(named[chosen]) + "\n")


def _agents(root: Path) -> None:
    solved = {}
    with (root / "agentless" / "swebench_lite_classifications.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["instance_id", "problem_statement"])
        for i in range(24):
            name = f"org__repo{i % 4}-{100 + i}"
            out.writerow([name, f"Calling parse() in module {i} raises TypeError\nexpected {i}"])
            by = ["20241117_moatless_claude-3.5-sonnet-20241022"] * (i % 2) + ["20240617_moatless_gpt4o"] * (i % 4 == 0)
            solved[name] = {"resolved_submissions": by, "no_of_submissions": 99}
    (root / "moatless" / "resolved_submissions.lite.json").write_text(json.dumps(solved))


@pytest.fixture(scope="session", autouse=True)
def small_vocabularies() -> Iterator[None]:
    """And one thread: on a busy machine more of them only wait for each other."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(text, "WORDS_MAX", (1200, 300))
        patch.setattr(text, "CHARS_MAX", (1200, 300))
        yield


@pytest.fixture(scope="session")
def rows(data_dir: Path) -> Rows:
    return assemble(data_dir, seed=5, share=0.05)


@pytest.fixture(scope="session")
def trained(rows: Rows) -> Trained:
    return build(rows, made=MADE, seed=5, alpha=certify.ALPHA, sessions=500)
