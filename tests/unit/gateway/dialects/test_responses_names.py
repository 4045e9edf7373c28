from __future__ import annotations

from gateway.dialects._responses_names import Directory, Known, flat_name, inner_name
from gateway.dialects._shared import NAME_CHARS_MAX
from gateway.dialects.contract import ReplyContext
from gateway.ir.request import Tool


def test_a_flat_name_and_back() -> None:
    assert flat_name("agents", "spawn") == "agents__spawn"
    assert inner_name("agents", "agents__spawn") == "spawn"


def test_long_names_fit_and_stay_the_same() -> None:
    name = flat_name("n" * 60, "t" * 60)
    assert len(name) <= NAME_CHARS_MAX
    assert name == flat_name("n" * 60, "t" * 60)
    assert name != flat_name("n" * 60, "t" * 59)


def test_a_taken_name_gives_way_to_another() -> None:
    first = flat_name("a", "b", {"a__b"})
    second = flat_name("a", "b", {"a__b", first})
    assert len({"a__b", first, second}) == 3
    assert max(map(len, (first, second))) <= NAME_CHARS_MAX


def test_the_directory_finds_the_clients_words() -> None:
    long = flat_name("n" * 60, "inner")
    directory = Directory(
        [
            Tool(long, namespace="n" * 60, inner="inner"),
            Tool("patch", kind="custom"),
            Tool("a" * 80),
            Tool("inner"),
        ]
    )
    assert directory.find(long) == Known("function", "inner", "n" * 60)
    assert directory.find("patch") == Known("custom", "patch")
    assert directory.find("inner") == Known("function", "inner")
    assert directory.find("inner", "n" * 60) == Known("function", "inner", "n" * 60)
    assert directory.flat("inner", "n" * 60) == long
    assert directory.flat("inner") == "inner"


def test_an_inner_name_alone_is_understood_when_nothing_else_has_it() -> None:
    directory = Directory([Tool("agents__spawn", namespace="agents", inner="spawn")])
    assert directory.flat("spawn") == "agents__spawn"
    assert directory.flat("other") == "other"
    assert directory.flat("other", "gone") == "gone__other"


def test_a_name_nobody_offered_passes_as_it_is() -> None:
    directory = Directory([])
    assert directory.find("rm") == Known("function", "rm", offered=False)
    assert directory.find("gone__x", "gone", flat=True) == Known("function", "x", "gone", offered=False)
    assert directory.find("gone__x", "gone") == Known("function", "gone__x", "gone", offered=False)
    assert directory.find("gone__", "gone", flat=True).name == "gone__"


def test_the_context_alone_is_enough() -> None:
    context = ReplyContext(
        reply_id="r",
        model="m",
        created_s=0,
        custom_tools=frozenset({"patch", "ns__edit"}),
        namespaces={"ns__edit": "ns", "ns__run": "ns"},
    )
    directory = Directory.of_context(context)
    assert directory.find("patch") == Known("custom", "patch")
    assert directory.find("ns__edit") == Known("custom", "edit", "ns")
    assert directory.find("ns__run") == Known("function", "run", "ns")
