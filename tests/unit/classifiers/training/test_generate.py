import random
import re
from collections import Counter

import pytest

from classifiers.artefact import TASKS
from classifiers.training import generate
from classifiers.training.generate import Template, expanded, filled, generated, heldout, sections, templates


def test_every_family_has_all_tasks_in_each_of_its_languages() -> None:
    found = Counter((each.family, each.lang, each.task) for each in templates())
    for family, lang in {(family, lang) for family, lang, _ in found}:
        assert all(found[family, lang, task] for task in TASKS), (family, lang)


def test_english_and_at_least_five_other_languages_are_spoken() -> None:
    assert {"en", "de", "es", "fr", "pt", "ru", "zh", "ja"} <= {each.lang for each in templates()}


def test_no_slot_or_choice_is_left_open() -> None:
    for row in generated(1, 0.2):
        assert not re.search(r"\{[a-z]+\d?\}|<[a-z]+>", row.text), row.text


def test_the_same_seed_gives_the_same_asks_and_another_seed_others() -> None:
    assert generated(3, 0.1) == generated(3, 0.1)
    assert generated(3, 0.1) != generated(4, 0.1)


def test_no_two_rows_have_the_same_text_and_groups_are_templates() -> None:
    rows = generated(1, 0.3)
    assert len({row.text for row in rows}) == len(rows)
    assert {row.group for row in rows} <= {each.name for each in templates()}


def test_nothing_of_the_blind_test_is_trained_on() -> None:
    trained = {" ".join(row.text.lower().split()) for row in generated(1)}
    assert not [row.text for row in heldout() if " ".join(row.text.lower().split()) in trained]


def test_the_blind_test_is_large_and_balanced() -> None:
    found = Counter(row.task for row in heldout())
    assert len(heldout()) >= 200
    assert set(found) == set(TASKS)
    assert min(found.values()) >= 20


def test_a_slot_that_stands_twice_is_filled_once() -> None:
    template = Template("f", "en", "question", "{fn} or {fn2} or {fn}", 0)
    first, second, third = filled(template, random.Random(2)).lower().split(" or ")[:3]
    assert first.endswith(third.split(",")[0].split(".")[0].split(" ")[0])
    assert second.split()[0] != first


def test_macros_are_replaced_and_unknown_ones_stay() -> None:
    assert expanded("@a = x|y\n= question\n<a> <b>") == "= question\n[x|y] <b>"


@pytest.mark.parametrize("text", ["= nonsense\nline", "line without a task"])
def test_a_file_with_a_wrong_heading_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="task"):
        list(sections(text))


def test_more_choice_gives_more_asks_up_to_a_bound() -> None:
    many = Template("f", "en", "question", "[" + "|".join("abcdefgh" * 40) + "]", 0)
    assert generate.wanted(many) == generate.PER_MAX
    assert generate.wanted(Template("f", "ru", "question", "plain", 0)) == generate.PER_TEMPLATE_OTHER
