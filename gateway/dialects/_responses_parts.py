"""Content parts and input items of the Responses dialect, both ways: text, images, files, audio, refusals, reasoning.

Sources: openai 3.52 `response_input_text.py`, `response_input_image.py`, `response_input_file.py`,
`response_output_text.py`, `response_output_refusal.py`, `response_reasoning_item.py`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from gateway.dialects._shared import RAW_NULL, bytes_of, encode, minted, parsed, refuse
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text

# --- decoding ----------------------------------------------------------------------------------------------------


class _Audio(msgspec.Struct):
    data: str
    format: str = "wav"


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: msgspec.Raw = RAW_NULL
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: str | None = None
    annotations: msgspec.Raw = RAW_NULL
    input_audio: _Audio | None = None


class _Url(msgspec.Struct):
    url: str


_part: Final = msgspec.json.Decoder(_Part)
_url: Final = msgspec.json.Decoder(str | _Url)
_content: Final = msgspec.json.Decoder(str | list[msgspec.Raw] | None)

_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
RESULT_PARTS: Final = "input_text, input_image and input_file parts"


def parts_of(raw: msgspec.Raw | None, at: str) -> tuple[Part, ...]:
    """Content of a message or of a tool result: a string or an array of parts; null is empty."""
    if raw is None:
        return ()
    content = parsed(_content, raw, at)
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    return tuple([part_of(item, f"{at}[{index}]") for index, item in enumerate(content)])


def part_of(raw: msgspec.Raw, at: str) -> Part:
    part = parsed(_part, raw, at)
    if part.type in _TEXTS:
        if part.text is None:
            refuse("the field is missing", f"{at}.text", "a string")
        notes = bytes_of(part.annotations)
        return Text(part.text, annotations=None if notes is None or notes.strip() in (b"[]", b"") else notes)
    match part.type:
        case "refusal":
            return Refusal(part.refusal if part.refusal is not None else part.text or "")
        case "input_image":
            return _image(part, at)
        case "input_file":
            return _file(part, at)
        case "input_audio" if part.input_audio is not None:
            return Audio(part.input_audio.data, part.input_audio.format)
        case _:
            return Opaque("responses", part.type, bytes(raw))


def _image(part: _Part, at: str) -> Image:
    raw = bytes_of(part.image_url)
    if raw is None:
        if not part.file_id:
            refuse("an image without image_url or file_id", at, "image_url (https: or data:) or file_id")
        return Image(file_id=part.file_id, detail=part.detail)
    told = parsed(_url, raw, f"{at}.image_url")
    address = told if isinstance(told, str) else told.url
    data = _data_url(address)
    if data is None:
        return Image(url=address, detail=part.detail)
    return Image(media_type=data[0], data=data[1], detail=part.detail)


def _file(part: _Part, at: str) -> File:
    if part.file_data:
        found = _data_url(part.file_data)
        media, data = found or (None, part.file_data)
        if media == "text/plain":
            data = _plain(data, f"{at}.file_data")
        return File(media_type=media, data=data, filename=part.filename)
    if part.file_url:
        return File(url=part.file_url, filename=part.filename)
    if part.file_id:
        return File(file_id=part.file_id, filename=part.filename)
    refuse("a file without content", at, "file_data (data: URL), file_url or file_id")


def _data_url(address: str) -> tuple[str, str] | None:
    """(media type, base64 text) of a base64 data: URL; None for any other address."""
    if not address.startswith("data:"):
        return None
    head, comma, data = address[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    return head.removesuffix(";base64").partition(";")[0] or "text/plain", data


def _plain(data: str, at: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        refuse(f"not base64 of UTF-8 text: {error}", at)


# --- encoding ----------------------------------------------------------------------------------------------------


def input_part(part: Part, profile: Profile, where: str) -> dict[str, Any] | msgspec.Raw:
    """A content part for the model to read. UnsupportedFeature for what the dialect or this upstream has no place for."""
    match part:
        case Text(text) | Refusal(text):
            return {"type": "input_text", "text": text}
        case Image():
            return _input_image(part, profile, where)
        case File():
            return _input_file(part, profile, where)
        case Audio(data, form):
            if not profile.audio:
                raise UnsupportedFeature("the chosen model takes no audio", where=where, accepted="text")
            return {"type": "input_audio", "input_audio": {"data": data, "format": form}}
        case Opaque("responses", _, raw):
            return msgspec.Raw(raw)
        case Opaque(dialect, kind):
            raise foreign(dialect, kind, where)
        case _:
            raise UnsupportedFeature(f"{type(part).__name__} cannot stand inside a message of this role", where=where)


def foreign(dialect: str, kind: str, where: str) -> UnsupportedFeature:
    return UnsupportedFeature(
        f'content of type "{kind}" exists only in the {dialect} dialect', where=where, accepted="a model of that vendor"
    )


def _input_image(part: Image, profile: Profile, where: str) -> dict[str, Any]:
    if not profile.images:
        raise UnsupportedFeature("the chosen model takes no images", where=where, accepted="text")
    out: dict[str, Any] = {"type": "input_image", "detail": part.detail or "auto"}
    if part.file_id is not None:
        out["file_id"] = part.file_id
    elif part.url is not None:
        out["image_url"] = part.url
    else:
        out["image_url"] = f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"
    return out


def _input_file(part: File, profile: Profile, where: str) -> dict[str, Any]:
    if part.media_type == "text/plain" and part.data is not None and not profile.documents:
        return {"type": "input_text", "text": part.data}  # a text document loses nothing as text
    if not profile.documents:
        raise UnsupportedFeature("the chosen model takes no documents", where=where, accepted="text")
    out: dict[str, Any] = {"type": "input_file"}
    if part.file_id is not None:
        out["file_id"] = part.file_id
    elif part.url is not None:
        out["file_url"] = part.url
    else:
        data = part.data or ""
        if part.media_type == "text/plain":
            data = base64.b64encode(data.encode()).decode()
        out["file_data"] = f"data:{part.media_type};base64,{data}" if part.media_type else data
        out["filename"] = "document"  # the vendor refuses file_data without a name
    if part.filename is not None:
        out["filename"] = part.filename
    return out


def output_part(part: Text | Refusal) -> dict[str, Any]:
    """A content part that the model said."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    notes: Any = msgspec.Raw(part.annotations) if part.annotations else []
    return {"type": "output_text", "text": part.text, "annotations": notes}


def reasoning_item(part: Reasoning) -> dict[str, Any] | None:
    """The item that gives a trace back to the vendor that sealed it; None for one that this dialect cannot carry."""
    if part.encrypted is None or part.redacted:
        return None
    return {
        "type": "reasoning",
        "id": part.id or minted("rs_", part.encrypted),
        "summary": [{"type": "summary_text", "text": text} for text in part.summary],
        "encrypted_content": part.encrypted,
    }


def open_item(part: Reasoning) -> dict[str, Any]:
    """The item that gives unsealed reasoning back: vLLM reads its first content, else its first summary."""
    text = part.text or "\n\n".join(part.summary)
    return {
        "type": "reasoning",
        "id": part.id or minted("rs_", text),
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}],
    }


def encoded_reasoning(part: Reasoning) -> bytes | None:
    item = reasoning_item(part)
    return None if item is None else encode(item)
