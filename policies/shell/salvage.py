"""What can still be said of a text that does not parse: its words, split at operators. Used so that rules that deny can
match; the call itself stays "not fully read" whatever comes out of here."""

from __future__ import annotations

import re

from policies.shell.syntax import Call, Script, Stmt, Text, Word

_TOKEN = re.compile(
    r"(?P<blank>[ \t]+)|(?P<end>\|\||&&|[;\n&|(){}`]|\$\()|(?P<redirect>\d?(?:>>?|<)[|&]?)"
    r"|(?P<single>'[^']*'?)|(?P<double>\"(?:\\.|[^\"\\])*\"?)|(?P<escape>\\.?)|(?P<text>[^\s;&|(){}`<>'\"\\]+)|(?P<other>.)",
    re.DOTALL,
)
COMMANDS_MAX = 60
_KEYWORDS = frozenset(
    ["if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "!", "time", "coproc"]
)


def salvage(text: str) -> Script:
    """Commands as well as they can be told apart; never empty-handed because of a quote that is not closed."""
    out: list[Stmt] = []
    words: list[Word] = []
    current: list[Text] = []
    skip = False

    def word() -> None:
        nonlocal skip
        if current:
            if not skip:
                words.append(tuple(current))
            skip = False
            current.clear()

    def end() -> None:
        word()
        while words and len(words[0]) == 1 and isinstance(words[0][0], Text) and words[0][0].value in _KEYWORDS:
            words.pop(0)
        if words and len(out) < COMMANDS_MAX:
            out.append(Stmt(Call((), tuple(words))))
        words.clear()

    for found in _TOKEN.finditer(text):
        kind, value = found.lastgroup, found[0]
        if kind == "blank":
            word()
        elif kind == "end":
            end()
        elif kind == "redirect":
            word()
            skip = True
        elif kind == "single" or kind == "double":
            inner = value[1:].removesuffix(value[0]) if len(value) > 1 else ""
            current.append(Text(inner, True))
        elif kind == "escape":
            current.append(Text(value[1:], True))
        else:
            current.append(Text(value))
    end()
    return Script(tuple(out))
