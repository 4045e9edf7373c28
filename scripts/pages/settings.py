"""docs/reference/settings.md from the pydantic models of gateway/config."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.config.models import ProfileOverrides
from gateway.config.settings import Settings
from scripts.pages.markdown import doc, table

INTRO = """
# Settings

Everything that an `interlock.yaml` may say. All of it may be left out: the defaults are a working gateway. `NAME` stands for
a name that you give, `[]` for each entry of a list. `interlock config check` says what is wrong with a file,
`interlock config explain` where each value comes from, `interlock config schema` prints all this for an editor.
"""
SPELLED = {str: "text", int: "whole number", float: "number", bool: "true or false", bytes: "text", Any: "anything"}


class Section(NamedTuple):
    """A settings model and the path at which it stands, e.g. `models.NAME.timeouts`; empty for the root."""

    path: str
    model: type[BaseModel]


def page() -> str:
    parts = [INTRO.strip()]
    for section in sections(Section("", Settings)):
        parts += [f"## {section.path or 'Top level'}", *filter(None, [doc(section.model)])]
        head = ["setting", "type", "default", "meaning"]
        parts.append(table(head, [row(section.path, name, field) for name, field in fields(section.model)]))
    return "\n\n".join(parts)


def fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return list(model.model_fields.items())


def sections(at: Section) -> Iterator[Section]:
    """The model itself, then the models inside it, depth first, in the order of their fields."""
    yield at
    for name, field in fields(at.model):
        if field.annotation is ProfileOverrides:  # a page of its own, with the meanings
            continue
        path = f"{at.path}.{name}" if at.path else name
        for inner, suffix in nested(field.annotation):
            yield from sections(Section(path + suffix, inner))


def nested(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """Models inside an annotation, each with what is put after the field's name to reach it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    suffix = ".NAME" if origin in (Mapping, dict) else "[]" if origin in (tuple, list) else ""
    for argument in arguments:
        yield from ((model, suffix + after) for model, after in nested(argument))


def row(path: str, name: str, field: FieldInfo) -> list[str]:
    full = f"{path}.{name}" if path else name
    bounds = "".join(f", {bound}" for bound in limits(field.metadata))
    kind = spell(field.annotation) + bounds
    if field.annotation is ProfileOverrides:
        return [f"`{full}`", "[profile](profile.md)", "the provider's", field.description or ""]
    return [f"`{full}`", kind, default(field), field.description or ""]


def limits(metadata: list[Any]) -> Iterator[str]:
    words = {
        "ge": "at least {}",
        "gt": "more than {}",
        "le": "at most {}",
        "lt": "less than {}",
        "max_length": "length ≤ {}",
    }
    for item in metadata:
        for attribute, form in words.items():
            value = getattr(item, attribute, None)
            if value is not None:
                yield form.format(value)


def spell(annotation: Any) -> str:
    """A type in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "null"
    if isinstance(annotation, typing.TypeVar | typing.ForwardRef | str):
        return str(annotation)
    if origin is typing.Annotated:
        return spell(arguments[0]) + "".join(f", {bound}" for bound in limits(list(annotation.__metadata__)))
    if origin is typing.Literal:
        return " or ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(spell(argument) for argument in arguments if argument is not type(None))
    if origin in (tuple, list):
        return f"list of {spell(arguments[0])}" if arguments else "list"
    if origin in (Mapping, dict):
        return f"map of name to {spell(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "settings below"
    return SPELLED.get(annotation, getattr(annotation, "__name__", str(annotation)))


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "as below"
    if value is None or value in ((), {}, ""):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | list):
        return "`[" + ", ".join(str(entry) for entry in value) + "]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
