"""Configuration text to settings, or to all of its problems at once, each with its place. Pure: the text is an argument."""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config import check, document
from gateway.config.catalog import Catalog
from gateway.config.normalise import normalise
from gateway.config.problems import Path, Place, Problem, config_error, listed, nearest, shown
from gateway.config.settings import Settings
from gateway.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings ready for use, and where each value came from. `filled` are values that the file left to somebody else,
    `places` those that it holds. `warnings` are sentences like those of problems."""

    settings: Settings
    source: str
    filled: Mapping[Path, str] = field(default_factory=dict)
    places: Mapping[Path, Place] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def origin(self, path: Path) -> str:
        """interlock.yaml:12, "provider vllm", "found at http://...", or "default"."""
        here = path[:-1] if path and path[-1] == 0 and path not in self.places else path
        if here in self.places:
            return f"{self.source}:{self.places[here].line}"
        return self.filled.get(path, "default")


def load(text: str | bytes, *, file: str, catalog: Catalog) -> Loaded:
    """ConfigError with every problem found in `text`. `file` is the name used in messages."""
    doc = document.read(text)
    if doc.value is None and doc.problems:
        raise config_error(file, doc.problems)
    raw: Any = {} if doc.value is None else doc.value
    if not isinstance(raw, dict):
        wrong = Problem(path=(), message="a configuration is a mapping", accepted="version: 1 ...", place=doc.place(()))
        raise config_error(file, [*doc.problems, wrong])
    settings, found = _validated(raw, doc, catalog)
    found = [*doc.problems, *found]
    if found or settings is None:
        raise config_error(file, found)
    whole, filled = normalise(settings, catalog)
    notes = tuple(_placed(w, doc).sentence(file) for w in check.warnings(whole))
    return Loaded(whole, file, filled, doc.places, notes)


def complete(settings: Settings, *, source: str, catalog: Catalog, origins: Mapping[Path, str] | None = None) -> Loaded:
    """The same for settings that come from no text (discovery, tests); `origins` says where from, by path.
    ConfigError as above, without places."""
    found = check.problems(settings, catalog)
    if found:
        raise config_error(source, found)
    whole, filled = normalise(settings, catalog)
    notes = tuple(w.sentence(source) for w in check.warnings(whole))
    return Loaded(whole, source, {**(origins or {}), **filled}, warnings=notes)


def overridden(loaded: Loaded, settings: Settings, by: str, catalog: Catalog) -> Loaded:
    """`loaded` with settings changed by an option of the command line (`by`). ConfigError when they do not go together."""
    found = check.problems(settings, catalog)
    if found:
        raise config_error(by, found)
    return replace(loaded, settings=settings)


def _validated(raw: dict[str, Any], doc: document.Document, catalog: Catalog) -> tuple[Settings | None, list[Problem]]:
    """Settings and the problems; when fields are wrong, what is left of the file is still checked for wrong names."""
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_from_pydantic(d, raw, doc) for d in details]
        rest, broken, kept = _rest(_pruned(raw, [d["loc"] for d in details]))
        others = () if rest is None else (_renumbered(p, kept) for p in check.problems(rest, catalog, broken))
        return None, [*found, *(_placed(p, doc) for p in others)]
    return settings, [_placed(p, doc) for p in check.problems(settings, catalog)]


_STAND_INS = {("models", "lane"): "local", ("state", "url"): "env:STAND_IN"}


def _pruned(raw: dict[str, Any], locs: list[tuple[int | str, ...]]) -> dict[str, Any]:
    """A copy of `raw` without the fields that are wrong. What other checks would miss then gets a stand-in: it has been
    complained of already."""
    sound: dict[str, Any] = copy.deepcopy(raw)
    for loc in locs:
        # A list is dropped as a whole, so that no index moves; only `routes` itself is a list of things of their own.
        end = next((i for i, part in enumerate(loc) if isinstance(part, int) and loc[:i] != ("routes",)), len(loc))
        path = loc[:end]
        parent = _at(sound, path[:-1])
        if isinstance(parent, dict) and path:
            parent.pop(path[-1], None)
            stand_in = _STAND_INS.get((str(path[0]), str(path[-1])))
            if stand_in is not None:
                parent[path[-1]] = stand_in
    return sound


def _rest(raw: dict[str, Any]) -> tuple[Settings | None, tuple[str, ...], list[int]]:
    """Settings of what can be parsed of `raw`; names of the models left out; indexes of the routes kept."""
    kept = list(range(len(raw["routes"]))) if isinstance(raw.get("routes"), list) else []
    try:
        return Settings.model_validate(raw), (), kept
    except ValidationError as error:
        locs = [d["loc"] for d in error.errors(include_url=False)]
    bad_models = {loc[1] for loc in locs if len(loc) > 1 and loc[0] == "models"}
    bad_routes = {loc[1] for loc in locs if len(loc) > 1 and loc[0] == "routes"}
    whole = {loc[0] for loc in locs if len(loc) == 1 or loc[0] not in ("models", "routes")}
    sound = {key: value for key, value in raw.items() if key not in whole}
    if isinstance(sound.get("models"), dict):
        sound["models"] = {name: value for name, value in sound["models"].items() if name not in bad_models}
    if isinstance(sound.get("routes"), list):
        kept = [i for i in kept if i not in bad_routes]
        sound["routes"] = [sound["routes"][i] for i in kept]
    try:
        return Settings.model_validate(sound), tuple(sorted(map(str, bad_models))), kept
    except ValidationError:
        return None, (), kept


def _renumbered(problem: Problem, kept: list[int]) -> Problem:
    """Route indexes as they are in the file."""
    path = problem.path
    if len(path) > 1 and path[0] == "routes" and isinstance(path[1], int):
        path = ("routes", kept[path[1]], *path[2:])
    return Problem(path=path, message=problem.message, accepted=problem.accepted, nearest=problem.nearest)


def _placed(problem: Problem, doc: document.Document) -> Problem:
    return Problem(
        path=_written(problem.path, doc),
        message=problem.message,
        accepted=problem.accepted,
        nearest=problem.nearest,
        place=problem.place or doc.place(problem.path),
    )


def _written(path: Path, doc: document.Document) -> Path:
    """Without the index of a scalar that stands for a list of one."""
    return path[:-1] if path and path[-1] == 0 and path not in doc.places and path[:-1] in doc.places else path


# --- pydantic's errors in our words ------------------------------------------------------------------------------


def _from_pydantic(detail: ErrorDetails, raw: dict[str, Any], doc: document.Document) -> Problem:
    loc: Path = tuple(detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _fields_at(loc[:-1])
        return Problem(
            path=loc,
            message="unknown key",
            accepted=listed(known),
            nearest=nearest(loc[-1], known),
            place=doc.place(loc, key=True),
        )
    if kind == "missing":
        return Problem(path=loc[:-1], message=f"lacks {loc[-1]}", place=doc.place(loc[:-1], key=True))
    path = _written(loc, doc)
    value = _at(raw, path)
    said = shown(path, value)
    if kind == "literal_error":
        choices = _choices(loc)
        message = f"{said} is not known" if said else "not known"
        return Problem(
            path=path, message=message, accepted=listed(choices), nearest=nearest(value, choices), place=doc.place(path)
        )
    return Problem(path=path, message=_words(detail, said, value), place=doc.place(path))


_SHAPES = {
    "tuple_type": "should be a list",
    "string_type": "should be text",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "dict_type": "should be a mapping",
    "mapping_type": "should be a mapping",
    "is_instance_of": "should be a mapping",
}


def _words(detail: ErrorDetails, said: str, value: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind in _SHAPES:
        text = _SHAPES[kind]
    elif kind in ("too_short", "string_too_short"):
        return "must not be empty"
    elif kind == "string_pattern_mismatch":
        text = f"does not match {context.get('pattern')}"
    else:
        text = detail["msg"].replace("Input should", "should").replace("String should", "should")
    if kind == "string_type" and isinstance(value, int | float):
        text += "; put it in quotes"
    return f"{said} {text}" if said else text


def _at(raw: Any, path: Path) -> Any:
    for part in path:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def _fields_at(loc: Path) -> list[str]:
    """Names of the keys known at `loc`, [] where any key may stand."""
    model = _annotation(loc)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _choices(loc: Path) -> list[str]:
    annotation = _annotation(loc)
    return [str(choice) for choice in get_args(annotation)] if get_origin(annotation) is Literal else []


def _annotation(loc: Path) -> Any:
    """The bare type of the setting at `loc`, None where there is none."""
    annotation: Any = Settings
    for part in loc:
        annotation = _step(annotation, part)
    return _bare(annotation)


def _bare(annotation: Any) -> Any:
    """Without Annotated and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        else:
            return annotation


def _step(annotation: Any, part: str | int) -> Any:
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        found = bare.model_fields.get(str(part))
        return None if found is None else found.annotation
    args = get_args(bare)
    if get_origin(bare) is tuple:
        return args[0]
    return args[1] if len(args) == 2 else None


__all__ = ["ConfigError", "Loaded", "complete", "load"]
