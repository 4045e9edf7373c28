from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from gateway.dialects import _responses_parts as parts
from gateway.errors import MalformedRequest, UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall

ALL = Profile(documents=True, audio=True)


def decoded(value: Any) -> Part:
    return parts.part_of(msgspec.Raw(json.dumps(value).encode()), "$.input[0].content[0]")


CASES: list[tuple[dict[str, Any], Part]] = [
    ({"type": "input_text", "text": "a"}, Text("a")),
    (
        {"type": "input_image", "detail": "high", "image_url": "data:image/png;base64,AAAA"},
        Image(media_type="image/png", data="AAAA", detail="high"),
    ),
    (
        {"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"},
        Image(url="https://example.com/a.png", detail="auto"),
    ),
    ({"type": "input_image", "detail": "auto", "file_id": "file_1"}, Image(file_id="file_1", detail="auto")),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        File(media_type="application/pdf", data="AAAA", filename="a.pdf"),
    ),
    (
        {
            "type": "input_file",
            "filename": "a.txt",
            "file_data": "data:text/plain;base64," + base64.b64encode("é".encode()).decode(),
        },
        File(media_type="text/plain", data="é", filename="a.txt"),
    ),
    ({"type": "input_file", "file_url": "https://example.com/a.pdf"}, File(url="https://example.com/a.pdf")),
    ({"type": "input_file", "file_id": "file_2"}, File(file_id="file_2")),
    ({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}, Audio("AA", "mp3")),
    ({"type": "input_video", "x": 1}, Opaque("responses", "input_video", b'{"type": "input_video", "x": 1}')),
]


@pytest.mark.parametrize(("wire", "part"), CASES)
def test_a_part_there_and_back(wire: dict[str, Any], part: Part) -> None:
    assert decoded(wire) == part
    assert json.loads(msgspec.json.encode(parts.input_part(part, ALL, "x"))) == wire


def test_other_texts() -> None:
    assert decoded({"type": "output_text", "text": "a", "annotations": []}) == Text("a")
    assert decoded({"type": "output_text", "text": "a", "annotations": [{"type": "file_path"}]}) == Text(
        "a", annotations=b'[{"type": "file_path"}]'
    )
    assert decoded({"type": "refusal", "refusal": "no"}) == Refusal("no")
    assert decoded({"type": "input_image", "image_url": {"url": "https://example.com/b"}}) == Image(
        url="https://example.com/b"
    )


def test_content_may_be_a_string_or_null() -> None:
    assert parts.parts_of(msgspec.Raw(b'"a"'), "$") == (Text("a"),)
    assert parts.parts_of(msgspec.Raw(b"null"), "$") == ()


@pytest.mark.parametrize(
    ("wire", "where"),
    [
        ({"type": "input_text"}, "$.input[0].content[0].text"),
        ({"type": "input_text", "text": 3}, "$.input[0].content[0].text"),
        ({"text": "x"}, "$.input[0].content[0]"),
        ({"type": "input_image"}, "$.input[0].content[0]"),
        ({"type": "input_image", "image_url": 4}, "$.input[0].content[0].image_url"),
        ({"type": "input_file", "filename": "x"}, "$.input[0].content[0]"),
        ({"type": "input_file", "file_data": "data:text/plain;base64,***"}, "$.input[0].content[0].file_data"),
    ],
)
def test_a_bad_part_is_named(wire: Any, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decoded(wire)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("part", "profile"),
    [
        (Image(url="https://example.com"), Profile(images=False)),
        (File(file_id="f"), Profile()),
        (Audio("A", "wav"), Profile()),
        (Opaque("messages", "container_upload", b"{}"), ALL),
        (ToolCall("c", "n", "{}"), ALL),
    ],
)
def test_what_the_upstream_cannot_take_is_refused(part: Part, profile: Profile) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        parts.input_part(part, profile, "messages[1]")
    assert caught.value.where == "messages[1]"


def test_a_text_document_is_text_for_a_model_without_documents() -> None:
    assert parts.input_part(File(media_type="text/plain", data="hello"), Profile(), "x") == {
        "type": "input_text",
        "text": "hello",
    }


def test_reasoning_leaves_only_with_its_seal() -> None:
    assert parts.encoded_reasoning(Reasoning(text="open")) is None
    assert parts.encoded_reasoning(Reasoning(encrypted="redacted data", redacted=True)) is None
    sealed = parts.reasoning_item(Reasoning(summary=("a", "b"), encrypted="E", id="rs_1"))
    assert sealed == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
        "encrypted_content": "E",
    }
    minted = parts.reasoning_item(Reasoning(encrypted="E"))
    assert minted is not None
    assert minted["id"].startswith("rs_")
