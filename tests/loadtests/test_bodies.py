"""The bodies of the load tests have the sizes and the shape that the figures are about."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from loadtests import bodies


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (bodies.small, 900),
        (bodies.tool_call, 1_200),
        (bodies.medium, 30_000),
        (bodies.large, 260_000),
    ],
)
@pytest.mark.parametrize("seed", [0, 7, 9_999])
def test_size_is_within_two_percent(make: Callable[..., bytes], size: int, seed: int) -> None:
    assert len(make("bench-json", seed=seed)) == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize(("make", "tools", "messages"), [(bodies.medium, 8, 12), (bodies.large, 20, 60)])
def test_tools_and_messages_are_as_many_as_said(make: Callable[..., bytes], tools: int, messages: int) -> None:
    body = json.loads(make("bench-json"))
    assert len(body["tools"]) == tools
    assert len(body["messages"]) == messages
    assert all(tool["function"]["parameters"]["required"] for tool in body["tools"])


def test_every_tool_call_has_its_result_right_behind_it() -> None:
    said = json.loads(bodies.large("bench-json"))["messages"]
    for message, following in itertools.pairwise(said):
        for call in message.get("tool_calls") or ():
            assert following["tool_call_id"] == call["id"]
            assert json.loads(call["function"]["arguments"])["path"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert bodies.medium("m", seed=3) == bodies.medium("m", seed=3)
    assert bodies.medium("m", seed=3) != bodies.medium("m", seed=4)
    assert bodies.session("m", seed=3, turns=5) == bodies.session("m", seed=3, turns=5)


def test_the_models_name_comes_before_anything_the_mock_could_take_for_one() -> None:
    for body in (bodies.small("bench-json"), bodies.large("bench-json"), *bodies.session("bench-turn", turns=6)):
        assert body.index(b'"bench-') == len(b'{"model":')


def test_a_session_grows_in_a_line_from_15_to_410_kb() -> None:
    sizes = [len(body) for body in bodies.session("bench-turn", seed=5)]
    assert len(sizes) == 40
    assert sizes[0] == pytest.approx(15_000, rel=0.02)
    assert sizes[-1] == pytest.approx(410_000, rel=0.02)
    for turn, size in enumerate(sizes):
        assert size == pytest.approx(15_000 + turn * 395_000 / 39, rel=0.02)


def test_the_messages_of_a_turn_are_an_exact_prefix_of_the_next() -> None:
    """Byte for byte, and everything around the messages stays as it is."""
    for before, after in itertools.pairwise(bodies.session("bench-turn", seed=11)):
        end = before.index(b'],"tools":')
        assert after.startswith(before[:end] + b",")
        assert after.endswith(before[end:])


def test_a_session_is_what_a_harness_would_have_kept() -> None:
    """Each reply is followed by the result of its call, or by the human."""
    said = json.loads(bodies.session("bench-turn", seed=12)[-1])["messages"]
    assert [m["role"] for m in said[:2]] == ["system", "user"]
    for turn, (answer, asked) in enumerate(zip(said[2::2], said[3::2], strict=True)):
        assert answer == bodies.reply(12, turn)
        calls = answer.get("tool_calls")
        assert asked["role"] == ("tool" if calls else "user")
        assert not calls or asked["tool_call_id"] == calls[0]["id"]
        assert asked["content"].endswith(f"[turn s0012t{turn + 1:02}]")


def test_the_arguments_of_a_call_in_a_session_are_valid_json() -> None:
    call = bodies.reply(1, 0)["tool_calls"][0]["function"]
    assert json.loads(call["arguments"])["path"] == "src/app/module_00.py"
    assert call["arguments"].count("#") == bodies.TURN_PARTS
