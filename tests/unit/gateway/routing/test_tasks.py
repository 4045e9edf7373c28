"""The task is told from the human's own words, on every turn, in every dialect."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.routing import tasks
from tests.unit.gateway.harnesses import shapes as s

ASKS: list[tuple[str | None, str]] = [
    ("boilerplate", "create hello.txt containing hi"),
    ("boilerplate", "Scaffold a FastAPI project with a health endpoint"),
    ("boilerplate", "add a .gitignore for Python"),
    ("boilerplate", "Generate a Dockerfile for this service"),
    ("boilerplate", "write CRUD handlers for the Order model"),
    ("boilerplate", "crée config.yaml contenant les valeurs par défaut"),
    ("boilerplate", "为用户表生成样板代码"),
    ("docstring", "Add docstrings to all public functions in utils.py"),
    ("docstring", "write JSDoc for the exported functions"),
    ("docstring", "document this class please"),
    ("docstring", "给这个函数添加注释"),
    ("test_scaffold", "write unit tests for parser.py"),
    ("test_scaffold", "Please add a regression test for issue 42"),
    ("test_scaffold", "can you generate pytest fixtures for the database?"),
    ("test_scaffold", "schreibe Tests für den Parser"),
    ("test_scaffold", "为解析器编写测试"),
    ("single_file_edit", "fix the failing tests in test_parser.py"),
    ("single_file_edit", "fix the off-by-one error in pagination.py"),
    ("single_file_edit", "rename the variable foo to bar in main.go"),
    ("single_file_edit", "the login button should be blue, change it"),
    ("single_file_edit", "Can you add a --verbose flag to the CLI?"),
    ("single_file_edit", "ändere die Farbe des Knopfes"),
    ("single_file_edit", "исправь опечатку в README.md"),
    ("single_file_edit", "修复登录页面的拼写错误"),
    ("multi_file_refactor", "rename getUser to fetchUser across the whole codebase"),
    ("multi_file_refactor", "migrate the project from unittest to pytest"),
    ("multi_file_refactor", "split the monolith into modules"),
    ("multi_file_refactor", "update a.py, b.py and lib/c.py to use the new client"),
    ("multi_file_refactor", "replace all usages of the old logger"),
    ("multi_file_refactor", "在整个项目中替换旧的日志库"),
    ("novel_reasoning", "find the root cause of the intermittent timeout"),
    ("novel_reasoning", "There is a race condition between the writer and the flusher, fix it"),
    ("novel_reasoning", "why does this deadlock under load?"),
    ("novel_reasoning", "Design a consensus protocol for three regions"),
    ("novel_reasoning", "Prove that the scheduler is starvation-free"),
    ("novel_reasoning", "分析这个死锁的原因并修复"),
    ("long_running", "keep working on the backlog until all items are closed, overnight"),
    ("long_running", "run the benchmark in the background and improve it"),
    ("long_running", "monitor the deployment and roll back on errors"),
    ("question", "what does this function do?"),
    ("question", "How do I run the server"),
    ("question", "explain the config loader"),
    ("question", "warum ist das so langsam?"),
    ("question", "这个函数做什么？"),
    (None, "hmm"),
    (None, ""),
    (None, "¯\\_(ツ)_/¯"),
]


@pytest.mark.parametrize(("task", "ask"), ASKS)
def test_the_task_of_an_ask(task: str | None, ask: str) -> None:
    found, why = tasks.label_task(ask)
    assert found == task, why
    assert why


def test_length_says_nothing() -> None:
    """gateways.md 79: a long ask is not a hard one, a short one not an easy one."""
    assert tasks.label_task("fix the typo in main.py. " + "Thanks a lot. " * 400)[0] == "single_file_edit"
    assert tasks.label_task("fix the race condition")[0] == "novel_reasoning"


def test_an_ask_of_any_size_is_judged_in_bounded_time() -> None:
    """The words are looked for in a bounded part: 1 MB must not cost more than a page."""
    assert tasks.label_task("create a function that does a thing with the " * 30_000)[0] == "single_file_edit"


# --- the ask ---------------------------------------------------------------------------------------------------------


def ask(
    dialect: str, turns: list[Any], harness: str = "unknown", system: str = "You are an agent. Prove the theorem."
) -> str:
    return tasks.ask_of(s.view(dialect, s.body(dialect, system, turns, ("bash",))), harness)


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
@pytest.mark.parametrize(
    "turns",
    [
        [s.ASK],
        [s.ASK, ("call", "bash"), ("result", "prove this: deadlock, race condition")],
        [s.ASK, ("assistant", "Shall I?"), "yes"],
        [s.ASK, ("assistant", "Shall I?"), "Yes, go ahead."],
        [
            s.ASK,
            ("assistant", "Plan."),
            "continue",
            ("call", "bash"),
            ("result", "x"),
            ("assistant", "y"),
            "ok, thanks!",
        ],
        [s.ASK, ("assistant", "Soll ich?"), "ja, bitte weiter"],
        [s.ASK, ("assistant", "?"), "继续"],
        ["older ask", ("assistant", "done"), s.ASK],
        [f'"{s.ASK}"'],
        [f"{s.ASK}\n<environment_details>\nprove the theorem\n</environment_details>"],
        [f"<system-reminder>\nprove it\n</system-reminder>\n{s.ASK}"],
        [f"{s.ASK}\n```\nTraceback: deadlock\n```"],
        [f"{s.ASK}\n> quoted: prove it"],
    ],
)
def test_the_ask_is_found_behind_what_machines_and_confirmations_put_before_it(dialect: str, turns: list[Any]) -> None:
    assert ask(dialect, turns) == s.ASK


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_qwens_reminders_and_codexs_environment_are_not_the_ask(dialect: str) -> None:
    assert ask(dialect, s.qwen_turns(dialect, s.ASK), "qwen-code") == s.ASK
    assert ask("responses", s.codex_turns(s.ASK), "codex") == s.ASK


def test_aiders_rules_are_not_the_ask() -> None:
    assert ask("chat", [*s.AIDER_EXAMPLES, s.ASK + s.AIDER_RULES], "aider", s.AIDER_HEAD) == s.ASK
    assert ask("chat", [*s.AIDER_EXAMPLES, s.ASK, ("assistant", "x"), "yes" + s.AIDER_RULES], "aider") == s.ASK


def test_a_long_run_without_the_human_still_finds_the_first_ask() -> None:
    turns: list[Any] = [s.ASK]
    for n in range(200):
        turns += [("call", "bash"), ("result", f"output {n}: prove the theorem")]
    for dialect in s.PATHS:
        assert ask(dialect, turns) == s.ASK


def test_after_compaction_the_summary_speaks_for_the_human() -> None:
    turns = [
        "What did we do so far?",
        ("assistant", "Objective: " + s.ASK),
        "Continue if you have next steps, or stop and ask for clarification if you are unsure how to proceed.",
    ]
    assert ask("chat", turns, "opencode") == "Objective: " + s.ASK


def test_yes_is_not_a_trivial_task() -> None:
    """gateways.md 75: "yes" must be judged as the ask it confirms."""
    view = s.view(
        "chat", s.body("chat", "", ["migrate the project from unittest to pytest", ("assistant", "Shall I?"), "yes"])
    )
    assert tasks.label_task(tasks.ask_of(view))[0] == "multi_file_refactor"


def test_the_system_text_and_the_tools_say_nothing() -> None:
    """gateways.md 77: only the human's words count."""
    bare = s.view("chat", s.body("chat", "", [s.ASK]))
    heavy = s.view(
        "chat", s.body("chat", "Prove theorems overnight. " * 300, [s.ASK], tuple(f"t{n}" for n in range(60)))
    )
    assert tasks.label_task(tasks.ask_of(bare)) == tasks.label_task(tasks.ask_of(heavy))


def test_words_that_contain_a_confirmation_are_no_confirmation() -> None:
    assert ask("chat", [s.ASK, ("assistant", "x"), "yesterday"]) == "yesterday"
    assert ask("chat", [s.ASK, ("assistant", "x"), "goto"]) == "goto"
    assert ask("chat", [s.ASK, ("assistant", "x"), "yes, but use tabs"]) == "yes, but use tabs"
