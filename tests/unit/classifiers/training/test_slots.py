import pytest

from classifiers.training.slots import COMMON, LANGUAGES


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_every_language_fills_every_slot(name: str) -> None:
    table = COMMON | LANGUAGES[name]
    for slot in (
        "pl",
        "fw",
        "tf",
        "lib",
        "lib2",
        "doc",
        "cfg",
        "cmd",
        "path",
        "dir",
        "fn",
        "cls",
        "ent",
        "mod",
        "field",
        "err",
        "n",
    ):
        assert len(table[slot]) >= 2, slot
        assert len(set(table[slot])) == len(table[slot]), slot


def test_the_languages_of_the_issue_are_there() -> None:
    assert set(LANGUAGES) >= {"python", "typescript", "go", "rust", "java", "sql"}
