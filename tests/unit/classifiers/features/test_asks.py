"""Only the human's own words are left, and what stood beside them is marked."""

import pytest

from classifiers.features.asks import said_of

ASK = "rename the helper in parser.py"
TRACE = "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nKeyError: 'x'"


@pytest.mark.parametrize(
    "text",
    [
        ASK,
        f'"{ASK}"',
        f"<system-reminder>\nmigrate everything\n</system-reminder>\n{ASK}",
        f"<task>\n{ASK}\n</task>\n\n<environment_details>\n# Open tabs\nsrc/a.py\n</environment_details>",
        f"<user_query>\n{ASK}\n</user_query>",
        f"<attachments>\nlots\n</attachments>\n<userRequest>\n{ASK}\n</userRequest>",
        f"# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\n{ASK}",
        f"{ASK}\n\n<system-reminder>never closed: refactor all",
    ],
)
def test_the_wrapping_goes(text):
    assert said_of(text).words == ASK


@pytest.mark.parametrize(
    ("beside", "mark"),
    [
        ("```python\ndef f():\n    deadlock()\n```", "code"),
        ("```\n" + TRACE + "\n```", "trace"),
        (TRACE, "trace"),
        ("```diff\n-a\n+b\n```", "diff"),
        ("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b", "diff"),
        ("2026-11-20 10:00:01 ERROR deadlock\n2026-11-20 10:00:02 INFO fine", "log"),
        ("> you said it migrates", "quote"),
        ("User: can you migrate it?\nAssistant: yes, over night", "transcript"),
    ],
)
def test_pasted_material_goes_and_leaves_a_mark(beside, mark):
    said = said_of(f"{ASK}\n\n{beside}\n")
    assert said.words == ASK
    assert said.marks == {mark}


def test_a_list_stays_and_is_marked():
    said = said_of("please:\n- fix a\n- fix b\n- fix c")
    assert "fix b" in said.words
    assert said.marks == {"list"}


def test_context_alone_says_nothing():
    for text in (
        "<environment_context>\n  <cwd>/w</cwd>\n</environment_context>",
        "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>\nBe brief.\n</INSTRUCTIONS>",
        "",
        "   \n",
    ):
        assert said_of(text).words == ""


def test_kinds_of_saying():
    assert said_of("yes, go on").consents
    assert said_of("still broken").corrects
    assert said_of("What did we do so far?").resumed
    assert said_of("see the picture", images=1).marks == {"image"}
    assert not said_of(ASK).consents


def test_inline_code_and_comparisons_stay():
    assert said_of("use `List<int>` where a > b").words == "use `List<int>` where a > b"


def test_hostile_texts_cost_linear_time():
    """0.1 s is a hundred times what they take."""
    import time

    for text in (
        "<" * 16_000,
        "```" * 5_000,
        "\n    at x" * 2_000,
        "User: " * 3_000,
        "- " * 8_000,
        "#" * 16_000,
        "=" * 16_000,
    ):
        begun = time.perf_counter()
        said_of(text)
        assert time.perf_counter() - begun < 0.5, text[:10]
