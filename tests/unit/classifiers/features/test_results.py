"""What a tool answered: by exit codes and the words of real runners, never by a file that speaks of errors."""

import pytest

from classifiers.features.results import CLASSES, class_of

RUN, TEST = {"ran": True}, {"ran": True, "test": True}


@pytest.mark.parametrize(
    ("text", "how", "found"),
    [
        ("Wrote file successfully.", {}, "ok"),
        ("def f():\n    raise ValueError('failed')  # error: FAILED", {}, "ok"),
        ("class MyError(Exception):\n    pass\n2 errors", {}, "ok"),
        ("Error: ENOENT, no such file", {}, "error"),
        ("<tool_use_error>File has not been read yet</tool_use_error>", {}, "error"),
        ("String to replace not found in file", {}, "error"),
        ("anything", {"is_error": True}, "error"),
        ("", {}, "empty"),
        ("No matches found", {}, "empty"),
        ("(no output)", RUN, "empty"),
        ("Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n", RUN, "empty"),
        ("<returncode>0</returncode>\n<output>\n</output>", RUN, "empty"),
        ("Process exited with code 0\nOutput:\nfine", RUN, "ok"),
        ("Process exited with code 2\nOutput:\nno", RUN, "error"),
        ("<returncode>1</returncode>\n<output>x</output>", RUN, "error"),
        ("bash: foo: command not found", RUN, "error"),
        ("Traceback (most recent call last):\n  x\nKeyError: 1", RUN, "error"),
        ("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b", RUN, "diff"),
        ("@@ -1 +1 @@\n-a\n+b", {}, "diff"),
        ("FAILED tests/a.py::test_b - KeyError: 1\n1 failed, 3 passed in 0.1s", TEST, "test_failure"),
        ("3 passed in 0.1s", TEST, "ok"),
        ("  2 passing\n  1 failing", TEST, "test_failure"),
        ("--- FAIL: TestX (0.00s)", TEST, "test_failure"),
        ("test result: ok. 3 passed; 0 failed", TEST, "ok"),
        ("test result: FAILED. 1 passed; 2 failed", TEST, "test_failure"),
        ("src/a.ts(3,1): error TS2304: Cannot find name", TEST, "test_failure"),
        ("error[E0382]: borrow of moved value", TEST, "test_failure"),
        ("Found 3 errors in 1 file", TEST, "test_failure"),
        ("Tests: 0 failed, 3 passed", TEST, "ok"),
        ("BUILD SUCCESSFUL", TEST, "ok"),
        ("Exit code: 1", TEST, "test_failure"),
        ("", TEST, "empty"),
    ],
)
def test_classes(text, how, found):
    assert class_of(text, **how) == found
    assert found in CLASSES


def test_the_end_of_a_long_log_is_read():
    log = "collected\n" + "tests/a.py ....\n" * 5000 + "1 failed, 999 passed in 9s\n"
    assert class_of(log, **TEST) == "test_failure"
