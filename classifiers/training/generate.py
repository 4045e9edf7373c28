"""Agent-style asks, generated from templates that were written for this project. Pure but for reading the templates.

`asks/<family>.<language>.txt` holds templates under `= task` headings; `[a|b]` is a choice, `{slot}` is filled from
`slots`. A family is a way of writing (short orders, polite sentences, tickets, stories with misleading words, briefs);
families share no template, so that leaving one out asks whether the model learned the work or the wording.
`heldout/asks.txt` is no family: it was written ask by ask and is never trained on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

from classifiers.artefact import TASKS
from classifiers.training.rows import TaskRow
from classifiers.training.slots import COMMON, LANGUAGES

PER_TEMPLATE: Final = {"en": 9}
PER_TEMPLATE_OTHER: Final = 6
"""Asks made of one template: English has more to vary. Other languages have fewer templates, not fewer asks each."""
PER_MAX: Final = 60
_CHOICE: Final = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_MACRO: Final = re.compile(r"<[a-z]+>")
_SLOT: Final = re.compile(r"\{([a-z]+)(\d?)\}")
_OPENERS: Final = {
    "en": (
        "hey, ",
        "ok so ",
        "please ",
        "pls ",
        "now ",
        "next: ",
        "hi! ",
        "quick one: ",
        "i want you to ",
        "we need to ",
    ),
    "de": ("hallo, ", "bitte ", "jetzt ", "als nächstes: "),
    "es": ("hola, ", "por favor ", "ahora "),
    "fr": ("salut, ", "maintenant, "),
    "pt": ("oi, ", "por favor, ", "agora "),
    "ru": ("привет, ", "пожалуйста, ", "теперь "),
    "zh": ("你好，", "请", "现在"),
    "ja": ("すみません、", "次に、"),
}
_CLOSERS: Final = {
    "en": (", thanks", " please", " asap", " thx", ". keep it short", ". don't break anything", " (see above)"),
    "de": (", danke", " bitte"),
    "es": (", gracias",),
    "fr": (", merci",),
    "pt": (", obrigado",),
    "ru": (", спасибо",),
    "zh": ("，谢谢",),
    "ja": ("。お願いします",),
}
DRESSED: Final = 0.25
"""Share of asks that get an opener, and of those that get a closer: neither says anything about the task."""


@dataclass(frozen=True, slots=True)
class Template:
    family: str
    lang: str
    task: str
    text: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.family}.{self.lang}.{self.number}"


def sections(text: str) -> Iterator[tuple[str, str]]:
    """(task, line) of a file with `= task` headings. ValueError for an unknown task or a line before the first
    heading."""
    task = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("= "):
            task = line[2:].strip()
            if task not in TASKS:
                raise ValueError(f"unknown task {task!r}")
        elif not task:
            raise ValueError(f"no task above {line!r}")
        else:
            yield task, line.strip().replace("\\n", "\n")


def templates() -> list[Template]:
    """All templates, in the order of file names and lines."""
    found: list[Template] = []
    folder = resources.files("classifiers.training") / "asks"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        family, lang, suffix = entry.name.split(".")
        if suffix == "txt":
            pairs = enumerate(sections(expanded(entry.read_text(encoding="utf-8"))))
            found += [Template(family, lang, task, text, number) for number, (task, text) in pairs]
    return found


def expanded(text: str) -> str:
    """The text with its macros: a line `@name = a|b` is taken out and `<name>` stands for `[a|b]` below it."""
    macros: dict[str, str] = {}
    kept: list[str] = []
    for line in text.splitlines():
        if line.startswith("@"):
            name, _, words = line[1:].partition(" = ")
            macros[f"<{name}>"] = f"[{words}]"
            continue
        kept.append(_MACRO.sub(lambda found: macros.get(found[0], found[0]), line))
    return "\n".join(kept)


def heldout() -> list[TaskRow]:
    """The asks written for the test, one group each."""
    entry = resources.files("classifiers.training") / "heldout" / "asks.txt"
    pairs = enumerate(sections(entry.read_text(encoding="utf-8")))
    return [
        TaskRow(text=text, task=task, source="heldout", group=f"heldout.{number}", lang=_script(text))
        for number, (task, text) in pairs
    ]


def _script(text: str) -> str:
    """A guess good enough for a table by language: the scripts, and "latin" for the rest."""
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja"
    if re.search(r"[\u4e00-\u9fff]", text):
        return "zh"
    return "ru" if re.search(r"[\u0400-\u04ff]", text) else "latin"


def generated(seed: int, share: float = 1.0) -> list[TaskRow]:
    """Task rows from all templates, duplicates dropped. `share` below 1 makes fewer of each (at least one)."""
    rows: dict[str, TaskRow] = {}
    for template in templates():
        chance = random.Random(f"{seed}:{template.name}")
        for _ in range(max(1, round(share * wanted(template)))):
            text = filled(template, chance)
            rows.setdefault(
                text,
                TaskRow(text=text, task=template.task, source=template.family, group=template.name, lang=template.lang),
            )
    return list(rows.values())


def wanted(template: Template) -> int:
    """Asks to be made of a template: more where there is more to choose, never more than PER_MAX."""
    plain = PER_TEMPLATE.get(template.lang, PER_TEMPLATE_OTHER)
    return min(PER_MAX, plain + template.text.count("|") // 2)


def filled(template: Template, chance: random.Random) -> str:
    """One ask of a template: choices made, slots filled (the same slot always with the same word), maybe dressed."""
    text = template.text
    while (found := _CHOICE.search(text)) is not None:
        text = text[: found.start()] + chance.choice(found[1].split("|")) + text[found.end() :]
    table = COMMON | LANGUAGES[chance.choice(sorted(LANGUAGES))]
    drawn: dict[str, str] = {}

    def word(slot: re.Match[str]) -> str:
        if slot[0] not in drawn:
            taken = set(drawn.values())
            known = table.get(slot[1] + slot[2]) or table[slot[1]]
            drawn[slot[0]] = chance.choice([each for each in known if each not in taken] or list(known))
        return drawn[slot[0]]

    return _dressed(_SLOT.sub(word, text), template.lang, chance)


def _dressed(text: str, lang: str, chance: random.Random) -> str:
    if "\n" in text:
        return text
    if chance.random() < DRESSED and lang in _OPENERS:
        text = chance.choice(_OPENERS[lang]) + text
    if chance.random() < DRESSED and text[-1] not in ".?!？。" and lang in _CLOSERS:
        text += chance.choice(_CLOSERS[lang])
    style = chance.random()
    if style < 0.2:
        text = text[:1].upper() + text[1:]
    elif style < 0.3:
        text = text.lower()
    return text
