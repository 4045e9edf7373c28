"""What a harness file sees of a request, and the signs by which sub-calls are told."""

from __future__ import annotations

import pytest

from gateway.harnesses.contract import Shape, Sign, by_signs
from tests.unit.gateway.harnesses import shapes as s


def shape(dialect: str = "chat", system: str = "S.", names: tuple[str, ...] = (), agent: str = "a/1") -> Shape:
    body = s.body(dialect, system, ["first words", ("assistant", "x"), "last words"], names)
    return Shape(s.headers(agent), s.view(dialect, body), s.seen_dialect(dialect))


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_first_and_last_are_the_conversations_not_the_systems(dialect: str) -> None:
    seen = shape(dialect)
    assert b"first words" in seen.first
    assert b"last words" in seen.last
    assert seen.last_text == "last words"
    assert seen.turns == 3


@pytest.mark.parametrize(
    ("agent", "product"),
    [
        ("opencode/1.18.33 x", ("opencode", "1.18.33")),
        ("Cline/v3.0", ("cline", "3.0")),
        ("OpenAI/Python 2.20", ("", "")),
        ("", ("", "")),
    ],
)
def test_product(agent: str, product: tuple[str, str]) -> None:
    assert shape(agent=agent).product == product


def test_a_sign_counts_only_where_it_belongs() -> None:
    detect = by_signs([Sign("title", "head", (b"name it",), "w"), Sign("summary", "last", (b"last words",), "v", None)])
    assert detect(shape(system="name it")) == ("title", "w")
    assert detect(shape(system="name it", names=("bash",))) == ("summary", "v")
    assert detect(shape(system="other")) == ("summary", "v")
    assert by_signs([Sign("title", "head", (b"x",), "w", True)])(shape(system="x")) is None
