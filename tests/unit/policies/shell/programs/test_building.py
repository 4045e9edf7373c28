import pytest

from tests.support.shell import effects, facts, one


@pytest.mark.parametrize(
    "text",
    [
        "make test",
        "pytest -q",
        "pytest tests -k x -x",
        "tox",
        "jest",
        "./gradlew test",
        "mvn test",
        "cmake --build b",
        "tsc --noEmit",
        "eslint src",
        "mypy src",
        "dotnet test",
    ],
)
def test_code_of_the_project(text):
    found = facts(text)
    assert set(found.effects) == {"project_code"}
    assert not found.unknown


@pytest.mark.parametrize(
    "text",
    ["ruff check .", "black --check .", "prettier --check .", "gofmt -l .", "shellcheck a.sh", "ruff format --diff ."],
)
def test_checking(text):
    found = facts(text)
    assert not (found.effects)
    assert not (found.writes)
    assert not (found.unknown)


@pytest.mark.parametrize(
    "text",
    [
        "ruff check --fix .",
        "black .",
        "prettier --write .",
        "gofmt -w a",
        "eslint --fix .",
        "gcc a.c -o b",
        "pytest --junitxml=x",
    ],
)
def test_writing(text):
    assert facts(text).writes


def test_outside():
    assert one("make -C /x test").reads == ("/x",)
    assert "/etc" in facts("pytest /etc").reads


def test_make_that_runs_text():
    assert facts("make --eval 'x:;id'").unknown
    assert facts("make SHELL=./x").unknown


def test_editors_and_deploys():
    assert facts("vim a").unknown
    assert "destructive" in effects("vim -c '!rm -rf x' a")
    assert "destructive" in effects("rails db:drop")
    assert "destructive" in effects("vagrant destroy")
    assert "publish" in effects("gradle publish")
    assert "persistence" in effects("pre-commit install")
