import pytest

from classifiers.features.approve.calls import EFFECTS
from classifiers.features.approve.intents import BARRING, GUARDED, JUSTIFIES, NAMES, intents_of


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("delete the old folder", "delete"),
        ("lösche den alten Ordner", "delete"),
        ("borra la carpeta vieja", "delete"),
        ("удали старую папку", "delete"),
        ("删除旧目录", "delete"),
        ("古いフォルダを削除して", "delete"),
        ("supprime le dossier", "delete"),
        ("remova a pasta", "delete"),
        ("open a pull request", "publish"),
        ("roll it back", "revert"),
        ("install zod", "install"),
        ("look it up", "fetch"),
        ("run it every night", "schedule"),
        ("put it in ~/bin", "outside"),
    ],
)
def test_an_ask_names_its_intent(text, intent):
    assert intent in intents_of(text)


def test_a_stem_counts_only_where_a_word_begins():
    assert "delete" not in intents_of("backdrop")
    assert intents_of("why?") == frozenset()


def test_every_effect_has_what_justifies_it():
    assert set(JUSTIFIES) == set(EFFECTS)
    assert all(JUSTIFIES.values())
    known = set(NAMES)
    assert known >= GUARDED.union(*JUSTIFIES.values(), *BARRING.values())
