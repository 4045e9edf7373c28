import pytest

from tests.support.shell import facts


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("find src -name '*.py' | xargs cat", "/repo/src/**/*.py"),
        ("find . -type f -print0 | xargs -0 cat", "/repo/**/*"),
        ("find src -name a ! -name b | xargs cat", "/repo/src/**/*"),
        ("rg -l foo src | xargs cat", "/repo/src/**"),
        ("git ls-files | xargs cat", "/repo/**"),
        ("find src | grep x | sort | head -5 | xargs cat", "/repo/src/**/*"),
        ("cat $(find src -name '*.py')", "/repo/src/**/*.py"),
        ("for f in $(git ls-files); do cat $f; done", "/repo/**"),
        ("cat $(ls src)", "/repo/src/**"),
    ],
)
def test_names_are_globs(text, path):
    found = facts(text)
    assert path in found.reads
    assert not found.unknown


@pytest.mark.parametrize(
    "text",
    [
        "cat list | xargs cat",
        "find . -exec echo x \\; | xargs cat",
        "grep x f | xargs cat",
        "find . | sed s/a/b/ | xargs cat",
        "curl x | xargs cat",
        'cat "$(find .)"',
    ],
)
def test_other_output_is_not_known(text):
    assert facts(text).unknown


def test_a_name_may_be_an_option():
    assert facts("git ls-files | xargs sort").unknown
    assert not facts("git ls-files | xargs sort --").unknown
    assert not facts("find . | xargs sort").unknown
