import pytest

from tests.support.shell import facts


@pytest.mark.parametrize(
    "text",
    [
        "git status -sb",
        "git log --oneline -20",
        "git diff HEAD~1 -- src",
        "git show HEAD",
        "git branch -a",
        "git remote -v",
        "git stash list",
        "git blame a",
        "git ls-files",
        "git rev-parse HEAD",
        "git grep -n x",
        "git config --get user.name",
        "git tag -l",
        "git worktree list",
        "git -C src status",
        "git --no-pager log",
    ],
)
def test_reading(text):
    found = facts(text)
    assert (found.effects, found.unknown, found.writes) == ((), (), ())


@pytest.mark.parametrize(
    "text",
    [
        "git -c core.pager=./x log",
        "git -c alias.a='!x' a",
        "git --exec-path=./x log",
        "git diff --ext-diff",
        "git show --textconv a",
        "git grep -O./x a",
        "git fetch --upload-pack=./x",
        "git rebase -x ./x",
        "git bisect run ./x",
        "git submodule foreach ./x",
        "git difftool",
        "git ls-remote ext::x",
        "git frobnicate",
        "git log --frobnicate",
    ],
)
def test_git_that_runs_programs_or_is_not_known(text):
    found = facts(text)
    assert found.unknown or "exec_data" in found.effects
