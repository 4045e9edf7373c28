"""YAML as the core schema of 1.2, with places, within bounds, whatever is thrown at it."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX, read
from gateway.config.problems import Place


def told(text: str | bytes) -> list[str]:
    return [p.sentence("f") for p in read(text).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -0x1", {"a": "-0x1"}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .5", {"a": 0.5}),
        ("a: 1.", {"a": 1.0}),
        ("a: '1'", {"a": "1"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: on", {"a": "on"}),
        ("a: True", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 22:30", {"a": "22:30"}),
        ("a: 2026-11-21", {"a": "2026-11-21"}),
        ("a: 0123", {"a": 123}),
        ("a: 1_000", {"a": "1_000"}),
        ("1: x\ntrue: y", {"1": "x", "true": "y"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("- [1, {a: b}]", [[1, {"a": "b"}]]),
        ("", None),
        ("# nothing\n", None),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values(text: str, value: object):
    document = read(text)
    assert document.problems == ()
    assert document.value == value


def test_anchors_and_merge_keys():
    text = "a: &a {x: 1, l: [1]}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 3}\nd: {x: 9, <<: *a}\ne: *a\n"
    value = read(text).value
    assert value["c"] == {"x": 1, "l": [1], "y": 2, "z": 3}
    assert value["d"] == {"x": 9, "l": [1]}
    assert value["e"] == value["a"]


def test_places_of_keys_and_values():
    document = read("a:\n  b: [1, two]\n")
    assert document.places[("a", "b", 1)] == Place(2, 10)
    assert document.key_places[("a", "b")] == Place(2, 3)
    assert document.place(("a", "b", 7, "x")) == Place(2, 6)
    assert document.place(("a", "b"), key=True) == Place(2, 3)
    assert document.place(("zzz",)) == Place(1, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2", "f:2:1: a: the key stands twice, first in line 1"),
        ("a: *x", "f:1:4: the alias *x names nothing before it"),
        ("a: &a [*a]", "f:1:8: the alias *a stands inside what it names"),
        ("a: !!python/object:os.system x", "is not accepted; accepted: values without tags"),
        ("a: 1\n---\nb: 2", "f:2:1: more than one document; accepted: one document; remove the line ---"),
        ("? [a]\n: 1", "f:1:3: a key must be a word"),
        ("a: {<<: 1}", "f:1:9: << takes a mapping or a list of mappings"),
        ("a: [1, 2", "not YAML: while parsing a flow sequence"),
        ("\ta: 1", "not YAML"),
        ("a: \x00", "not YAML"),
        (b"a: \xff", "f:1:4: not UTF-8 text"),
    ],
)
def test_problems(text: str | bytes, sentence: str):
    assert any(sentence in line for line in told(text))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "{a: " * 200_000,
        "- " * 500_000,
        "a: 1\n" * 300_000,
        "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 12)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}}}\n" for i in range(1, 2_000)),
    ],
    ids=["brackets", "braces", "dashes", "length", "laughs", "chain", "merges", "merges in merges"],
)
def test_bombs_are_refused_quickly(text: str):
    start_s = time.process_time()
    assert told(text)
    assert time.process_time() - start_s < 3


def test_bounds_are_not_met_by_sane_files():
    assert TEXT_BYTES_MAX >= 1024 * 1024
    assert NODES_MAX > 50_000
    assert DEPTH_MAX > 8
    assert read("a: " + "[" * 20 + "]" * 20).problems == ()


def test_without_the_c_parser_it_is_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.config.document._LOADER", yaml.SafeLoader)
    assert read("a: &x {b: 'c', d: [1, 2.5, null]}\ne: *x").value == {
        "a": {"b": "c", "d": [1, 2.5, None]},
        "e": {"b": "c", "d": [1, 2.5, None]},
    }
    assert told("[" * 100_000)


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!#|>'\",\n \t%?~0.<\\"), max_size=80))
def test_garbage_gives_a_value_or_a_problem(text: str):
    document = read(text)
    for problem in document.problems:
        assert problem.sentence("f").startswith("f")


@given(st.binary(max_size=60))
def test_bytes_give_a_value_or_a_problem(data: bytes):
    read(data)


def test_a_problem_inside_a_merge_does_not_count_as_depth():
    text = "a: &a {x: 1}\n" + "".join(f"b{i}: {{<<: *a}}\n" for i in range(DEPTH_MAX * 3))
    assert read(text).problems == ()
