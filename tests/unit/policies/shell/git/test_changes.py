import pytest

from tests.support.shell import effects, facts, one


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


def test_a_branch_that_is_made_again_loses_what_it_had():
    assert "destructive" in effects("git checkout -B main origin/main")
    assert "destructive" in effects("git switch -C main origin/main")


def test_a_message_from_a_file_reads_it():
    assert facts("git commit -F /etc/passwd").reads == ("/etc/passwd",)
    assert facts("git tag -F /etc/passwd v1").reads == ("/etc/passwd",)
    assert facts("git commit -F - <<'X'\nDone\nX").reads == ()
    assert one("git commit -S -m x").operands == ()  # -S takes its key only when it is attached


def test_a_new_work_tree_is_written_where_it_goes():
    assert facts("git worktree add -b feature ../x").writes == ("/x",)
    assert facts("git worktree add ../x feature").writes == ("/x",)
