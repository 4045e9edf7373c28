"""What of a conversation must not reach a model: secrets, words of the team, patterns of the team. Found in the raw JSON of
one conversation item at a time, so that an item is looked at once; what happens is decided per model. Pure.

An item without a candidate costs one pass of one automaton (about 2 ms per MB); only an item with one is taken apart.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from policies import secrets, texts
from policies.globs import regex
from policies.model import Actions, LeakAction, LeakPattern, PublishAction, Redact, Words
from policies.secrets import Hit
from policies.texts import Source

ITEM_HITS_MAX: Final = 10_000
"""Of one item. What has more is no text with secrets but a list of them: the item is masked as a whole."""
OVERFLOW: Final = "too_many"
_ESCAPES: Final = frozenset("nrtbf")


@dataclass(frozen=True, slots=True)
class Leak:
    """Bytes `start` to `end` of an item, to be replaced by `mask`."""

    start: int
    end: int
    kind: str
    source: Source
    mask: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """Who would read it: a model on an own server, or one of a lane elsewhere."""

    own: bool
    lane: str


def chosen(actions: Actions, target: Target) -> LeakAction:
    """The action for a model: its lane's before that for the cloud; own servers have only their own."""
    if target.own:
        return actions.get("own", "off")
    return actions.get(target.lane) or actions.get("cloud", "off")  # type: ignore[call-overload]


class Detectors:
    """Compiled from one policy. The key that masks are made with is the caller's."""

    def __init__(self, settings: Redact) -> None:
        self.settings = settings
        self._allow = frozenset(settings.allow)
        self._words = [_Words(entry, index) for index, entry in enumerate(settings.teams)]
        self._sources = frozenset(settings.texts)
        self._wide = any(words.wide for words in self._words)
        self._watched: dict[Target, bool] = {}
        self._actions: dict[tuple[str, Target], LeakAction] = {}
        self._kinds: dict[str, Actions] = _actions(settings)

    @functools.cached_property
    def _patterns(self) -> list[tuple[LeakPattern, Any]]:
        return [(entry, regex(entry.regex)) for entry in self.settings.patterns]

    @functools.cached_property
    def _set(self) -> Any:
        return _automaton(self._words) if self._words else secrets.every()

    @functools.cached_property
    def idle(self) -> bool:
        """Nothing is ever done about anything."""
        every = [self.settings.secrets, *self._kinds.values()]
        return all(action == "off" for actions in every for action in actions.values())

    @functools.cached_property
    def pins(self) -> bool:
        """Something may keep a session away from models."""
        every = [self.settings.secrets, *self._kinds.values()]
        return any(action == "local" for actions in every for action in actions.values())

    def watches(self, target: Target) -> bool:
        """Whether anything may happen on the way to this model."""
        known = self._watched.get(target)
        if known is None:
            every = [self.settings.secrets, *self._kinds.values()]
            known = self._watched[target] = any(chosen(actions, target) != "off" for actions in every)
        return known

    def action(self, kind: str, target: Target) -> LeakAction:
        known = self._actions.get((kind, target))
        if known is None:
            actions = self._kinds.get(kind, self.settings.secrets)
            known = self._actions[kind, target] = chosen(actions, target)
        return known

    def publishes(self, kind: str) -> PublishAction:
        """What happens to it in a call that publishes."""
        return next(
            (_publish(e, self.settings.publish) for e in entries(self.settings) if e.name == kind),
            self.settings.publish,
        )

    # --- in text ----------------------------------------------------------------------------------------------

    def find(self, text: str) -> list[Hit]:
        """In plain text, in order, none overlapping; `value` is what its mask is made of."""
        hits = secrets.find(text, self._allow)
        for words in self._words:
            hits += [hit for hit in words.find(text) if hit.value not in self._allow]
        for entry, pattern in self._patterns:
            hits += [hit for hit in _matches(entry, pattern, text) if hit.value not in self._allow]
        return secrets.apart(hits)

    def masked(self, text: str, target: Target, key: bytes) -> str:
        """Plain text as it may go to a model; what may not at all is masked too."""
        if not self.maybe(text):
            return text
        return replaced(text, [hit for hit in self.find(text) if self.action(hit.kind, target) != "off"], key)

    # --- in JSON ----------------------------------------------------------------------------------------------

    def scan(self, item: bytes, key: bytes, *, bare: bool = False, every: bool = False) -> tuple[Leak, ...]:
        """Leaks of one conversation item in its order. `bare`: the request offers no tools. `every`: it is no item but any
        JSON, of which all texts count (arguments of a call)."""
        if not self.maybe(item):
            return ()
        found: list[Leak] = []
        for text in texts.every(item) if every else texts.texts(item, bare=bare):
            if every or text.source in self._sources:
                found += self._in(item, text, key)
        return tuple(found)

    def cleaned(self, value: bytes, target: Target, key: bytes) -> bytes:
        """Any JSON as it may go to a model that is only to look at it: what may not at all is masked too."""
        found = self.scan(value, key, every=True) if self.watches(target) else ()
        return edited(value, [leak for leak in found if self.action(leak.kind, target) != "off"])

    def maybe(self, raw: bytes | str) -> bool:
        """False: nothing is in there. Several JSON values may be looked at together, with a line end between them."""
        if self._patterns:
            return True
        if self._set.Match(raw):
            return True
        if isinstance(raw, str):
            return False
        return secrets.may_hide(raw) or (self._wide and b"\\u" in raw)

    def _in(self, item: bytes, text: texts.Text, key: bytes) -> list[Leak]:
        token = item[text.start : text.end]
        if not text.quoted:
            return self._number(token, text, key)
        plain = texts.decoded(token)
        hits = self.find(plain)
        if not hits:
            return []
        if len(hits) > ITEM_HITS_MAX:
            whole = secrets.mask(OVERFLOW, plain, key).encode()
            return [Leak(text.start + 1, text.end - 1, OVERFLOW, text.source, whole)]
        at = texts.offsets(token, [point for hit in hits for point in (hit.start, hit.end)])
        return [
            Leak(text.start + at[2 * n], text.start + at[2 * n + 1], hit.kind, text.source, _mask(hit, key))
            for n, hit in enumerate(hits)
        ]

    def _number(self, token: bytes, text: texts.Text, key: bytes) -> list[Leak]:
        """A card's number as a JSON number: its mask is a string."""
        hits = self.find(token.decode("latin-1")) if len(token) > 11 else []
        if not hits:
            return []
        return [Leak(text.start, text.end, hits[0].kind, text.source, b'"' + _mask(hits[0], key) + b'"')]


def _mask(hit: Hit, key: bytes) -> bytes:
    return secrets.mask(hit.kind, hit.value, key).encode()


def replaced(text: str, hits: Iterable[Hit], key: bytes) -> str:
    """The text with hits replaced by their masks."""
    out, end = list[str](), 0
    for hit in hits:
        out += [text[end : hit.start], secrets.mask(hit.kind, hit.value, key)]
        end = hit.end
    return "".join([*out, text[end:]])


def edited(item: bytes, leaks: Iterable[Leak]) -> bytes:
    """The item with leaks replaced."""
    out, end = list[bytes](), 0
    for leak in leaks:
        out += [item[end : leak.start], leak.mask]
        end = leak.end
    return b"".join([*out, item[end:]])


def counted(leaks: Iterable[Leak]) -> dict[str, int]:
    """How many of each kind."""
    return dict(sorted(Counter(leak.kind for leak in leaks).items()))


# --- what the team adds ------------------------------------------------------------------------------------------


class _Words:
    """Words of one entry. Borders are looked at in Unicode, which RE2's are not."""

    def __init__(self, entry: Words, index: int) -> None:
        self.entry, self.index = entry, index
        self.wide = any(not word.isascii() for word in entry.words)
        listed = "|".join(re2.escape(word) for word in sorted(entry.words, key=len, reverse=True))
        self.source = f"(?i:{listed})" if entry.case == "ignore" else f"(?:{listed})"

    def find(self, text: str) -> list[Hit]:
        found = []
        for match in regex(self.source).finditer(text):  # type: ignore[attr-defined]
            start, end = match.start(), match.end()
            if self.entry.border == "none" or _bordered(text, start, end):
                value = match.group()
                # One mask for a word however it is written, where capitals do not matter.
                found.append(
                    Hit(self.entry.name, start, end, value.casefold() if self.entry.case == "ignore" else value)
                )
        return found


def _bordered(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start] if start else ""
    if before.isalnum() and text[start].isalnum():
        escaped = start > 1 and before in _ESCAPES and text[start - 2] == "\\"
        camel = before.islower() and text[start].isupper()
        if not (escaped or camel):
            return False
    after = text[end : end + 1]
    return not (after.isalnum() and text[end - 1].isalnum()) or (text[end - 1].islower() and after.isupper())


def _matches(entry: LeakPattern, pattern: Any, text: str) -> list[Hit]:
    found = []
    for match in pattern.finditer(text):
        group = 1 if match.re.groups and match.group(1) else 0
        if match.group(group):
            found.append(Hit(entry.name, match.start(group), match.end(group), match.group(group)))
    return found


def _automaton(words: Sequence[_Words]) -> Any:
    options = re2.Options()
    options.max_mem = 64 << 20
    found = re2.Set.SearchSet(options)
    for source in (*secrets.PATTERNS.values(), *(entry.source for entry in words)):
        found.Add(source)
    found.Compile()
    return found


def entries(settings: Redact) -> list[Words | LeakPattern]:
    """What the team adds to the classes of secrets."""
    return [*settings.teams, *settings.patterns]


def _actions(settings: Redact) -> dict[str, Actions]:
    """By kind, where it is not that of all secrets."""
    named = {entry.name: entry.action for entry in entries(settings)}
    return {**{kind: {**settings.secrets, **actions} for kind, actions in settings.kinds.items()}, **named}


def _publish(entry: Words | LeakPattern, usual: PublishAction) -> PublishAction:
    if entry.publish is not None:
        return entry.publish
    held: set[LeakAction] = {action for where, action in entry.action.items() if where != "own"}
    if "deny" in held:
        return "deny"
    if "ask" in held:
        return "ask"
    return usual if usual != "off" else "ask"


def problems(settings: Redact) -> list[tuple[str, str]]:
    """(which detector, what is wrong): names that clash, expressions that cannot be used, examples that do not hold."""
    found: list[tuple[str, str]] = []
    taken = set(secrets.KINDS) | {OVERFLOW}
    known = ", ".join(sorted(secrets.KINDS))
    found += [
        (f"kinds.{kind}", f"no class of secrets is named so; there are: {known}")
        for kind in settings.kinds
        if kind not in secrets.KINDS
    ]
    for entry in settings.patterns:
        if entry.name in taken:
            found.append((f"pattern {entry.name}", "the name is taken"))
        taken.add(entry.name)
        try:
            if regex(entry.regex).search("") is not None:
                found.append(
                    (f"pattern {entry.name}", "the expression matches the empty text, so it would be everywhere")
                )
        except ValueError as error:
            found.append((f"pattern {entry.name}", str(error)))
    found += [(f"words {e.name}", "the name is taken") for e in settings.teams if e.name in taken]
    said: dict[str, tuple[Actions, PublishAction | None]] = {}
    for held in settings.teams:
        if said.setdefault(held.name, (held.action, held.publish)) != (held.action, held.publish):
            found.append((f"words {held.name}", "two lists of one name with different actions: give one another name"))
    found += [(f"words {e.name}", "an empty word") for e in settings.teams if any(not w.strip() for w in e.words)]
    return found or examples(settings)


def examples(settings: Redact) -> list[tuple[str, str]]:
    """(which detector, what is wrong) of examples that do not hold."""
    found: list[tuple[str, str]] = []
    alones: list[tuple[str, Words | LeakPattern, Redact]] = [
        *((f"words {entry.name}", entry, Redact(teams=(entry,))) for entry in settings.teams),
        *((f"pattern {entry.name}", entry, Redact(patterns=(entry,))) for entry in settings.patterns),
    ]
    for name, entry, alone in alones:
        if not entry.match and not entry.not_match:
            continue
        detectors = Detectors(alone)
        for wanted, held in ((True, entry.match), (False, entry.not_match)):
            found += [
                (name, f"{'is not found' if wanted else 'is found'} in its example {text[:80]!r}")
                for text in held
                if any(hit.kind == entry.name for hit in detectors.find(text)) is not wanted
            ]
    return found


def played(settings: Redact) -> int:
    """How many examples there are."""
    return sum(len(entry.match) + len(entry.not_match) for entry in entries(settings))


def strictest(actions: Iterable[LeakAction]) -> LeakAction:
    order: Mapping[LeakAction, int] = {"off": 0, "mask": 1, "ask": 2, "local": 3, "deny": 4}
    return max(actions, key=order.__getitem__, default="off")
