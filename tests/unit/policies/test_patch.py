"""Which files a patch touches."""

from policies.patch import FILES_MAX, touched

CODEX = """*** Begin Patch
*** Add File: new.py
+x
*** Update File: old.py
*** Move to: ../moved.py
@@
-a
+b
   *** Delete File: gone.py
*** End Patch"""


def test_codex_form():
    found = touched(CODEX)
    assert found.writes == ("new.py", "old.py", "../moved.py")
    assert found.deletes == ("gone.py",)
    assert found.problem == ""


def test_unknown_headers_are_said():
    assert "not known" in touched("*** Begin Patch\n*** Symlink File: a\n*** End Patch").problem


def test_unified_diff():
    text = "diff --git a/x b/x\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n--- /dev/null\n+++ b/new\nrename to z\n"
    assert touched(text).writes == ("x", "y", "new", "z")


def test_nothing_named_and_too_many():
    assert touched("hello").problem
    many = "*** Begin Patch\n" + "".join(f"*** Add File: f{n}\n" for n in range(FILES_MAX + 1)) + "*** End Patch"
    assert "more than" in touched(many).problem
