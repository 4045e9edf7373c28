"""Reads the permissively licensed part of a routing-data directory into rows. Reads files, runs nothing found in them.

The directory has the layout of the project's routing data: one folder per origin, the licence beside the data,
`SOURCES.md` to describe it. A part is read only if its licence file is there and says what is expected. Left out, with
the reason: LiveCodeBench (outcomes are CC BY-SA 4.0; question texts belong to contest sites), the Exercism half of the
Aider instructions (licence of each track not verified), UncommonRoute (labels made by templates of mean length eight
words: a smoke test), EvalPerf and HumanEval (118 and 164 items, no group to hold out), BigCodeBench (no outcomes), the
difficulty annotations (no text).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifiers.artefact import digest
from classifiers.training.rows import OutcomeRow, TaskRow

csv.field_size_limit(1 << 27)

_MIT: Final = "Permission is hereby granted, free of charge"
_APACHE: Final = "Apache License"

WEAK: Final = "llama-3.1-8b-instruct"
STRONG: Final = "llama-3.1-nemotron-51b-instruct"
"""The pair of routing.md's mixed-prompt figures."""
AGENTS: Final = (
    "20240617_moatless_gpt4o",
    "20250111_moatless_deepseek_v3",
    "20241117_moatless_claude-3.5-sonnet-20241022",
)
"""One harness, three models: the only three submissions of one harness whose solve counts agree with the published Lite
results (24.7, 30.7, 38.3 %); many others in the file are counted over more than one split. Matched by what follows the
date."""
QUESTIONS: Final = frozenset({"natural_qa", "trivia_qa", "commonsense_qa", "openbook_qa", "arc_challenge"})
"""Benchmark tasks that ask for nothing but an answer: used as `question` for the task head."""
QUESTIONS_EACH: Final = 60
STATEMENT_TASK: Final = "single_file_edit"
"""All SWE-bench Lite items are repaired in one file, by construction of that set."""


class SourceError(Exception):
    """A part of the data directory that must not or cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Part:
    """`licence` an SPDX id, `notice` the licence file beside the data, `says` words that it must contain."""

    name: str
    licence: str
    notice: str
    says: str
    files: tuple[str, ...]
    read: Callable[[Path], tuple[list[TaskRow], list[OutcomeRow]]]


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def mmlu(root: Path) -> tuple[list[TaskRow], list[OutcomeRow]]:
    """RouteLLM's outcomes of Mixtral-8x7B and GPT-4-1106 on MMLU; the group is the subject."""
    outcomes: list[OutcomeRow] = []
    for path in sorted((root / "routellm" / "mmlu").glob("mmlu_*.csv")):
        for row in _csv(path):
            text, weak, strong = list(row.values())[:3]
            outcomes.append(
                OutcomeRow(
                    text=text,
                    family="mmlu_exam",
                    source="mmlu",
                    group=f"mmlu:{path.stem.removeprefix('mmlu_')}",
                    pair="mixtral-8x7b > gpt-4-1106",
                    local=float(weak == "True"),
                    frontier=float(strong == "True"),
                )
            )
    return [], outcomes


def dcrouter(root: Path) -> tuple[list[TaskRow], list[OutcomeRow]]:
    """LLMRouter's 13 tasks on nine open models; the group is set later (`groups.topics`): items that read alike."""
    folder = root / "llmrouter_uiuc"
    names: dict[str, str] = {}
    for part in ("train", "test"):
        for row in _jsonl(folder / f"query_data__default_query_{part}.jsonl"):
            names[_key(row["query"])] = row["task_name"]
    outcomes: list[OutcomeRow] = []
    for part in ("train", "test"):
        for row in _json(folder / f"dcrouter_preprocessed__{part}.json"):
            family = names.get(_key(row["question"]))
            if family is not None:
                scores = row["scores"]
                outcomes.append(
                    OutcomeRow(
                        text=row["question"],
                        family=family,
                        source="dcrouter",
                        group="dcrouter",
                        pair=f"{WEAK} > {STRONG}",
                        local=float(scores[WEAK]),
                        frontier=float(scores[STRONG]),
                    )
                )
    return _questions(outcomes), outcomes


def _key(text: str) -> str:
    return text.strip()[:200]


def _questions(outcomes: list[OutcomeRow]) -> list[TaskRow]:
    """A few questions of each kind, so that the task head has seen asks that are about no code at all."""
    rows: list[TaskRow] = []
    taken: dict[str, int] = {}
    for row in outcomes:
        if row.family in QUESTIONS and taken.get(row.family, 0) < QUESTIONS_EACH:
            taken[row.family] = taken.get(row.family, 0) + 1
            rows.append(TaskRow(text=row.text, task="question", source="llmrouter", group=f"llmrouter:{row.family}"))
    return rows


def agents(root: Path) -> tuple[list[TaskRow], list[OutcomeRow]]:
    """SWE-bench Lite statements (Agentless) with who solved them (Moatless); the group is the repository."""
    solved = _json(root / "moatless" / "resolved_submissions.lite.json")
    tasks: list[TaskRow] = []
    outcomes: list[OutcomeRow] = []
    suffixes = [name.partition("_")[2] for name in AGENTS]
    for row in _csv(root / "agentless" / "swebench_lite_classifications.csv"):
        item, text = row["instance_id"], row["problem_statement"]
        repository = re.sub(r"-\d+$", "", item)
        tasks.append(TaskRow(text=text, task=STATEMENT_TASK, source="swe", group=f"swe:{repository}", lang="en"))
        if item in solved:
            by = {name.partition("_")[2] for name in solved[item]["resolved_submissions"]}
            local, mid, frontier = (float(suffix in by) for suffix in suffixes)
            outcomes.append(
                OutcomeRow(
                    text=text,
                    family="swe_issue",
                    source="swe",
                    group=f"swe:{repository}",
                    pair="moatless: gpt-4o > deepseek-v3 > claude-3.5-sonnet",
                    local=local,
                    mid=mid,
                    frontier=frontier,
                )
            )
    return tasks, outcomes


def aider(root: Path) -> tuple[list[TaskRow], list[OutcomeRow]]:
    """Aider's refactoring instructions, all of them for one file. The Exercism rows are skipped."""
    rows = [
        TaskRow(text=row["instruction"], task="single_file_edit", source="aider", group=f"aider:{row['id']}", lang="en")
        for row in _jsonl(root / "aider" / "aider_task_instructions.jsonl")
        if row["source"] == "Aider-AI/refactor-benchmark"
    ]
    return rows, []


PARTS: Final = (
    Part("routellm-mmlu", "Apache-2.0", "routellm/LICENSE.upstream", _APACHE, ("routellm/mmlu/*.csv",), mmlu),
    Part(
        "llmrouter",
        "MIT",
        "llmrouter_uiuc/LICENSE.upstream",
        _MIT,
        ("llmrouter_uiuc/dcrouter_preprocessed__*.json", "llmrouter_uiuc/query_data__*.jsonl"),
        dcrouter,
    ),
    Part("moatless", "MIT", "moatless/LICENSE.upstream", _MIT, ("moatless/resolved_submissions.lite.json",), agents),
    Part(
        "agentless",
        "MIT",
        "agentless/LICENSE.upstream",
        _MIT,
        ("agentless/swebench_lite_classifications.csv",),
        lambda root: ([], []),  # read together with moatless, listed for its licence and digest
    ),
    Part(
        "aider-refactor",
        "Apache-2.0",
        "aider/LICENSE.upstream",
        _APACHE,
        ("aider/aider_task_instructions.jsonl",),
        aider,
    ),
)


def check(part: Part, root: Path) -> list[Path]:
    """The files of a part. SourceError if one or the licence is missing, or the licence is not the expected one."""
    notice = root / part.notice
    if not notice.is_file() or part.says not in notice.read_text(encoding="utf-8", errors="replace"):
        raise SourceError(
            f"{part.name}: {part.notice} is missing or is not {part.licence}; this data is not used without it"
        )
    found = [path for pattern in part.files for path in sorted(root.glob(pattern))]
    if not found:
        raise SourceError(f"{part.name}: no file matches {', '.join(part.files)} below {root}")
    return found


def file_digest(paths: list[Path]) -> str:
    return digest(path.read_bytes() for path in paths)
