import pytest

from tests.support.shell import clear, effects, facts, one


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
        "git reset --hard", "git reset --merge", "git checkout -- a", "git checkout .", "git checkout HEAD a", "git checkout -f main", "git switch -f main", "git switch --discard-changes main",
        "git restore a", "git restore -W -S a", "git clean -fdx", "git clean -nf", "git push -f", "git push --force origin main", "git push origin +main", "git push origin :main", "git push --mirror",
        "git push --delete origin x", "git branch -D x", "git branch -d -f x", "git tag -d x", "git stash drop", "git stash clear", "git worktree remove --force x", "git reflog expire --all",
        "git filter-branch x", "git remote remove x", "git rm -rf a", "git update-ref -d x", "git gc --prune=now",
    ],
)  # fmt: skip
def test_destruction(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "git reset --soft HEAD~1",
        "git restore --staged a",
        "git clean -n",
        "git push origin main",
        "git push --force-with-lease",
        "git branch -d x",
        "git checkout -b x",
        "git checkout main",
        "git switch main",
        "git stash",
        "git stash pop",
        "git rm --cached a",
        "git add .",
    ],
)
def test_no_destruction(text):
    assert "destructive" not in effects(text)


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


def test_paths():
    assert one("git log --output=x").writes == ("/repo/x",)
    assert "/repo/.env" in facts("git show HEAD:.env").reads
    assert facts("git diff --no-index /etc/a b").reads == ("/etc/a", "/repo/b")
    assert "/x" in facts("git -C /x status").reads
    assert one("git clone https://h.example/a/b.git").writes == ("/repo/b",)


def test_reach():
    assert {"publish", "network"} <= effects("git push")
    assert "network" in effects("git fetch")
    assert facts("git clone git@h.example:a/b").hosts == ("h.example",)
    assert {"exec_data", "persistence"} <= effects("git config core.hooksPath x")
    assert "secrets" in effects("git credential fill")
    assert clear("git log -p")
