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
    r"<returncode>0</returncode>|0</(?:returncode|exit_code)>)$",
    re.MULTILINE,
)
_TEST_FAILED: Final = re.compile(
    r"^=+ .*\b[1-9]\d* (?:failed|errors?)\b|^FAILED |\b[1-9]\d* (?:tests? )?(?:failed|failing|failures?)\b|^--- FAIL|^FAIL\b"
    r"|test result: FAILED|Failures: [1-9]|Errors: [1-9]|BUILD FAILURE|BUILD FAILED|^E {3,}\S|^AssertionError\b"
    r"|^\s*[✕✗✘×] |\bassertion .*failed\b|FAILED \(|\bFAILURES\b|error TS\d+:|^error\[E\d+\]"
    r"|Found [1-9]\d* errors?\b|✖ [1-9]\d* problems?|error: could not compile"
)
_FAILED_ANCHOR_WORDS: Final = (
    " fail|FAIL|Failures: |Errors: | error|E   |AssertionError|error TS|error[| problem|could not compile|✕|✗|✘|×"
)
_FAILED_ANCHORS: Final = tuple(_FAILED_ANCHOR_WORDS.split("|"))
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
_ERROR_ANCHOR_WORDS: Final = (
    "Error: |Exception: |error: |error[|npm ERR!|ERROR|Traceback (|command not found|timed out|No such file|"
    "ermission denied|fatal: |panic: |Segmentation|sh: |ModuleNotFound|SyntaxError"
)
_ERROR_ANCHORS: Final = tuple(_ERROR_ANCHOR_WORDS.split("|"))
_REFUSED: Final = re.compile(
    r"\s*(?:<tool_use_error>|<error>|error\b|\[error|failed to |could not |cannot |can't |unable to |invalid |"
    r"file (?:not found|does not exist|has not been read)|no such |string to replace not found|oldstring not found|"
    r"no changes|the user (?:doesn'?t want|denied|rejected)|user rejected|permission denied|unknown tool)"
)
_MISSING: Final = re.compile(r"\s*(?:tool [^\n]{0,60}not found|[^\n]{0,40}(?:not found|does not exist)\b)")
SILENT_CHARS: Final = 400
"""A longer result says something."""


def class_of(text: str, *, is_error: bool = False, ran: bool = False, test: bool = False) -> Class:
    """`ran`: the call ran a command. `test`: it was one that checks the work. RESULT_CHARS of the text are read;
    what need not be known of an ordinary tool is not looked for (3 µs; a command 50 µs)."""
    text = ends(text, RESULT_CHARS)
    if test:
        return _checked(text, is_error)
    if is_error:
        return "error"
    if _silent(text):
        return "empty"
    diff = "@@ -" in text or "diff --git " in text
    if ran and (_exit(text) or _broken(text)):
        return "test_failure" if not _exit(text) and _failed(text) else "error"
    if not (ran and diff) and _refused(text[:100].lower()):
        return "error"
    return "diff" if diff else "ok"


def _refused(head: str) -> bool:
    if _REFUSED.match(head) is not None:
        return True
    return ("not found" in head or "does not exist" in head) and _MISSING.match(head) is not None


def _checked(text: str, is_error: bool) -> Class:
    if is_error or _failed(text) or _exit(text) or _broken(text):
        return "test_failure"
    return "empty" if _silent(text) else "ok"


def _silent(text: str) -> bool:
    bare = _WRAP.sub("", text).strip() if len(text) <= SILENT_CHARS else text
    return len(bare) <= 120 and _EMPTY.fullmatch(bare) is not None


def _exit(text: str) -> bool:
    return _in_lines(_EXIT, _EXIT_ANCHORS, text.lower())


def _broken(text: str) -> bool:
    return _in_lines(_ERROR, _ERROR_ANCHORS, text)


def _failed(text: str) -> bool:
    return _in_lines(_TEST_FAILED, _FAILED_ANCHORS, text)


def _in_lines(pattern: re.Pattern[str], anchors: tuple[str, ...], text: str) -> bool:
    """Each match holds an anchor and keeps to one line. Substrings are found at memory speed, alternatives are not: a search
    through 4,000 characters took 1.2 ms."""
    present = [anchor for anchor in anchors if anchor in text]
    if not present:
        return False
    lines, search = text.splitlines(), pattern.search
    for anchor in present:  # plain loops: generators in generators took twice as long
        for line in lines:
            if anchor in line and search(line) is not None:
                return True
    return False
