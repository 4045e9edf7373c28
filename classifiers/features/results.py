"""What a tool answered, as one of five classes: ok, error, test_failure, diff, empty. Pure.

Told by the harness's own flag, exit codes, and the words with which test runners and shells report; a file's text that
merely speaks of errors is `ok`, so the words are looked for in what ran, and only at the beginning of what was read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    r"<returncode>0</returncode>|0</(?:returncode|exit_code)>)$",
    re.MULTILINE,
)
_TEST_FAILED: Final = re.compile(
    r"^=+ .*\b[1-9]\d* (?:failed|errors?)\b|^FAILED |\b[1-9]\d* (?:tests? )?(?:failed|failing|failures?)\b|^--- FAIL|^FAIL\b"
    r"|test result: FAILED|Failures: [1-9]|Errors: [1-9]|BUILD FAILURE|BUILD FAILED|^E {3,}\S|^AssertionError\b"
    r"|^\s*[✕✗✘×] |\bassertion .*failed\b|FAILED \(|\bFAILURES\b|error TS\d+:|^error\[E\d+\]"
    r"|Found [1-9]\d* errors?\b|✖ [1-9]\d* problems?|error: could not compile"
)
_FAILED_ANCHORS: Final = (
    *(
        " failed",
        "FAIL",
        " failing",
        " failure",
        "Failures: ",
        "Errors: ",
        "errors",
        " error ",
        "E   ",
        "AssertionError",
    ),
    *("✕", "✗", "✘", "×", "error TS", "error[", " problem", "could not compile", "BUILD FAIL"),
)
_EXIT: Final = re.compile(
    r"(?:exit(?:ed)?(?: with)?(?: (?:code|status))?|return[ _]?code|exit_code|status code)"
    r"[\"'>:=\s]{1,4}(?:is )?([1-9]\d{0,2})\b"
)
_EXIT_ANCHORS: Final = ("exit", "returncode", "return code", "return_code", "status code")
_ERROR: Final = re.compile(
    r"^Traceback \(most recent call last\)|^\w*(?:Error|Exception): |: command not found|^bash: |: No such file or directory"
    r"|Permission denied|^fatal: |^panic: |Segmentation fault|^error(?:\[\w+\])?: |^npm ERR!|^ERROR\b|^sh: |^zsh: "
    r"|ModuleNotFoundError|^SyntaxError|command timed out|operation timed out"
)
_ERROR_ANCHORS: Final = (
    *(
        "Error: ",
        "Exception: ",
        "error: ",
        "error[",
        "npm ERR!",
        "ERROR",
        "Traceback (",
        "command not found",
        "timed out",
    ),
    *(
        "No such file",
        "ermission denied",
        "fatal: ",
        "panic: ",
        "Segmentation",
        "sh: ",
        "ModuleNotFound",
        "SyntaxError",
    ),
)
_REFUSED: Final = re.compile(
    r"\s*(?:<tool_use_error>|<error>|error\b|\[error|failed to |could not |cannot |can't |unable to |invalid |"
    r"file (?:not found|does not exist|has not been read)|no such |string to replace not found|oldstring not found|"
    r"no changes|the user (?:doesn'?t want|denied|rejected)|user rejected|permission denied|tool [^\n]{0,60}not found|"
    r"unknown tool|[^\n]{0,40}(?:not found|does not exist)\b)"
)
SILENT_CHARS: Final = 400
"""A longer result says something."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a result shows, whichever tool it came from. `silent`: nothing was answered. `refused`: it begins as the tool's
    own error. `exit`: a code other than 0 is told. `broken`: words of a crash. `failed`: words of a test that failed."""

    is_error: bool = False
    silent: bool = False
    refused: bool = False
    exit: bool = False
    broken: bool = False
    failed: bool = False
    diff: bool = False

    def read_as(self, *, ran: bool, test: bool) -> Class:
        """`ran`: the call ran a command. `test`: it was one that checks the work."""
        if test and (self.is_error or self.failed or self.exit or self.broken):
            return "test_failure"
        if self.is_error:
            return "error"
        if self.silent:
            return "empty"
        if test:
            return "ok"
        if ran and (self.exit or self.broken):
            return "test_failure" if self.failed and not self.exit else "error"
        if self.refused and not (ran and self.diff):
            return "error"
        return "diff" if self.diff else "ok"


def signs_of(text: str, *, is_error: bool = False) -> Signs:
    """Bounded: RESULT_CHARS of the text are read."""
    text = ends(text, RESULT_CHARS)
    bare = _WRAP.sub("", text).strip() if len(text) <= SILENT_CHARS else text
    if not is_error and len(bare) <= 120 and _EMPTY.fullmatch(bare) is not None:
        return Signs(silent=True)
    low = text.lower()
    return Signs(
        is_error=is_error,
        refused=_REFUSED.match(text[:100].lower()) is not None,
        exit=_in_lines(_EXIT, _EXIT_ANCHORS, low),
        broken=_in_lines(_ERROR, _ERROR_ANCHORS, text),
        failed=_in_lines(_TEST_FAILED, _FAILED_ANCHORS, text),
        diff="\n@@ -" in text or text.startswith(("@@ -", "diff --git ")) or "\ndiff --git " in text,
    )


def _in_lines(pattern: re.Pattern[str], anchors: tuple[str, ...], text: str) -> bool:
    """Each match holds an anchor and keeps to one line. Substrings are found at memory speed, alternatives are not: a search
    through 4,000 characters took 1.2 ms."""
    present = [anchor for anchor in anchors if anchor in text]
    if not present:
        return False
    return any(
        pattern.search(line) is not None for line in text.splitlines() if any(anchor in line for anchor in present)
    )
