"""What a tool answered, as one of five classes: ok, error, test_failure, diff, empty. Pure.

Told by the harness's own flag, exit codes, and the words with which test runners and shells report; a file's text that
merely speaks of errors is `ok`, so the words are looked for in what ran, and only at the beginning of what was read.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from classifiers.features.turns import RESULT_CHARS, ends

Class = Literal["ok", "error", "test_failure", "diff", "empty"]
CLASSES: Final[tuple[Class, ...]] = ("ok", "error", "test_failure", "diff", "empty")

_EMPTY: Final = re.compile(
    r"\s*(?:[\[(<]?(?:no output|empty|no matches? found|no files? found|no results?(?: found)?|nothing found|null|none|"
    r"tool ran without output(?: or errors.*)?|command (?:executed|completed) successfully[ .]*(?:\(?no output\)?)?|"
    r"\(bash completed with no output\)|done)[\])>]?\.?\s*)?",
    re.IGNORECASE | re.DOTALL,
)
_WRAP: Final = re.compile(
    r"^(?:Chunk ID: .*|Wall time: .*|Original token count: .*|Output:|Process exited with code 0|"
    r"Exit code: 0|exit_code: 0|</?(?:output|stdout|stderr|returncode|exit_code|warning)[^<>]*>|"
    r"0</(?:returncode|exit_code)>)$",
    re.MULTILINE,
)
_TEST_FAILED: Final = re.compile(
    r"^=+ .*\b[1-9]\d* (?:failed|errors?)\b|^FAILED |\b[1-9]\d* (?:tests? )?(?:failed|failing|failures?)\b|^--- FAIL|^FAIL\b"
    r"|test result: FAILED|\bTests:\s+[1-9]\d* failed|Failures: [1-9]|Errors: [1-9]|BUILD FAILURE|BUILD FAILED"
    r"|^E {3,}\S|^AssertionError\b|^\s*[✕✗✘×] |\bassertion .*failed\b|FAILED \(|\bFAILURES\b|error TS\d+:|^error\[E\d+\]"
    r"|Found [1-9]\d* errors?\b|✖ [1-9]\d* problems?|error: could not compile",
    re.MULTILINE,
)
_EXIT: Final = re.compile(
    r"(?:exit(?:ed)?(?: with)?(?: (?:code|status))?|return ?code|exit_code|status code)"
    r"[\"'>:=\s]{1,4}(?:is )?([1-9]\d{0,2})\b"
    r"|<returncode>([1-9]\d*)</returncode>",
    re.IGNORECASE,
)
_ERROR: Final = re.compile(
    r"^Traceback \(most recent call last\)|^\w*(?:Error|Exception): |: command not found|^bash: |: No such file or directory"
    r"|Permission denied|^fatal: |^panic: |Segmentation fault|^error(?:\[\w+\])?: |^npm ERR!|^ERROR\b|^sh: |^zsh: "
    r"|ModuleNotFoundError|^SyntaxError|command timed out|operation timed out",
    re.MULTILINE,
)
_REFUSED: Final = re.compile(
    r"\s*(?:<tool_use_error>|<error>|error\b|\[error|failed to |could not |cannot |can't |unable to |invalid |"
    r"file (?:not found|does not exist|has not been read)|no such |string to replace not found|oldstring not found|"
    r"no changes|the user (?:doesn'?t want|denied|rejected)|user rejected|permission denied|tool .{0,60}not found|"
    r"unknown tool|.{0,40}(?:not found|does not exist)\b)",
    re.IGNORECASE,
)
_DIFF: Final = re.compile(r"^(?:diff --git |@@ -\d+)", re.MULTILINE)


def class_of(text: str, *, is_error: bool, ran: bool, test: bool) -> Class:
    """`ran`: the call ran a command. `test`: it was one that checks the work. Bounded: RESULT_CHARS of the text are read."""
    text = ends(text, RESULT_CHARS)
    bare = _WRAP.sub("", text) if ran else text
    if not is_error and _EMPTY.fullmatch(bare[:200]) is not None and len(bare) <= 200:
        return "empty"
    if test:
        return "test_failure" if is_error or _fails(text) else "ok"
    if is_error or _REFUSED.match(text) is not None:
        return "error"
    if ran and _bad(text):
        return "test_failure" if _TEST_FAILED.search(text) is not None and _EXIT.search(text) is None else "error"
    return "diff" if _DIFF.search(text) is not None else "ok"


def _fails(text: str) -> bool:
    return _TEST_FAILED.search(text) is not None or _EXIT.search(text) is not None or _ERROR.search(text) is not None


def _bad(text: str) -> bool:
    return _EXIT.search(text) is not None or _ERROR.search(text) is not None
