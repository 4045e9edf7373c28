"""How the default policy and the shell parsers do on the command sets of tests/data/policies.

    python -m scripts.policy_figures [--half held-out|tune] [--set NAME] [--show] [--write]

`--show` prints the commands that go wrong, of the tune half only: the held-out half is counted, never read. What is counted:

- deny cases: labelled deny by their source. Left out: commands that a source labels both ways (it has a strict mode), and
  cc-safety-net's file of user-made rules.
- risky cases: RedCode scripts whose risk is what they do to the machine (scenarios 1 to 9 and 18); never to be allowed.
- changing cases: unlabelled commands with a word that changes something (`CHANGES`), never to be allowed.
- harmless: unlabelled commands, and those labelled allow, made of `READERS` only, with relative paths, no expansion, and
  no redirection but to /dev/null; these should be allowed. What reads outside the workspace is not harmless here.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.report import machine
from policies import bundled, engine
from policies.edge.shfmt import Shfmt, answered
from policies.load import load
from policies.shell import plain, reading
from policies.verdict import Caller, NeedParse, ToolCall, Verdict

FIGURES = Path(__file__).resolve().parent / "pages" / "policy_figures.txt"
DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "policies"
SETS = ("own", "destructive_command_guard", "cc-safety-net", "redcode-exec", "nl2bash", "tldr", "intercode-nl2bash")
CWD, HOME = "/repo", "/home/user"
_READERS = (
    "ls cat head tail wc sort uniq cut tr grep egrep fgrep rg find diff cmp comm nl tac rev fold paste join "
    "column file stat du df tree basename dirname realpath readlink pwd echo printf date cal which type whoami "
    "id uname md5sum sha1sum sha256sum awk sed xargs jq"
)
READERS = frozenset(_READERS.split())
CHANGES = re.compile(
    r"(?:^|[\s;|&(`'\"/])(?:rm|rmdir|mv|cp|ln|chmod|chown|chgrp|mkdir|touch|tee|dd|mkfs\S*|shred|truncate|kill|"
    r"killall|pkill|sudo|su|"
    r"curl|wget|ssh|scp|rsync|ftp|nc|telnet|crontab|mount|umount|useradd|usermod|passwd|systemctl|service|shutdown|"
    r"reboot|apt|"
    r"apt-get|yum|dnf|brew|pip|pip3|npx|gem|docker|kubectl|terraform|git (?:push|commit|reset|checkout|clean|"
    r"rebase|merge|rm|add)|"
    r"install|perl|python|python3|ruby|node|php|bash|sh|eval|source|patch|tar (?:-?x|x)|unzip|gzip|split)\s|-delete\b|"
    r"sed\s+(?:-\w\s+)*-i|-fprint"
)
_REDIRECTS = re.compile(r"[^<>0-9&=-]>\s*[^&\s/(]")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"")
_SAYS_ONLY = re.compile(r"(?:^|[\s|;&])(?:echo|printf|grep|egrep|fgrep|rg|man|which|type|whereis|apropos|find)\b")


@dataclass
class Case:
    set: str
    command: str
    label: str | None
    source: str = ""


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, verdict: str, command: str, wrong: bool) -> None:
        self.counts[verdict] += 1
        if wrong:
            self.wrong.append(command)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def half(command: str) -> str:
    return "held-out" if hashlib.sha256(command.encode("utf-8", "surrogatepass")).digest()[-1] & 1 else "tune"


def cases(wanted: str, only: str | None = None) -> Iterator[Case]:
    for name in SETS if only is None else (only,):
        if name == "own":
            for line in (DATA / name / "bypass.jsonl").read_text().splitlines():
                row = json.loads(line)
                yield Case(name, row["command"], row["expect"], row["class"])
            continue
        for line in (DATA / name / "commands.jsonl").read_text().splitlines():
            row = json.loads(line)
            if half(row["command"]) == wanted:
                yield Case(name, row["command"], row["label"], row.get("from", ""))


def kind(case: Case, both: set[str]) -> str:
    """Which question a case answers, "" when none."""
    if case.set == "own":
        return {"deny": "own: deny", "guard": "own: not allow", "allow": "own: harmless"}[case.label or ""]
    if case.label == "deny":
        return "" if case.command in both or case.source.startswith("rules-custom") else "deny cases"
    if case.label == "risky":
        return "risky cases" if int(case.source.split("_")[0]) in {*range(1, 10), 18} else ""
    if harmless(case.command):
        return "harmless"
    if case.label is None and changes(case.command):
        return "changing cases"
    return ""


def changes(command: str) -> bool:
    """A word of `CHANGES`, or a redirection outside quotes, in a command that is no search for words."""
    redirects = _REDIRECTS.search(_QUOTED.sub("Q", command)) is not None
    return redirects or (CHANGES.search(command) is not None and not _SAYS_ONLY.match(command))


def harmless(command: str) -> bool:
    text = re.sub(r"\s\d?>\s*/dev/null|\s2>&1", "", command)
    bare = re.sub(r"'[^']*'|\"[^\"$`\\]*\"|\\[;()!*{}]", "Q", text)
    if (
        re.search(r"[$`<>\\&\n\"']|~|(?:^|[\s=])/|\.\.(?:/|\s|$)", bare)
        or CHANGES.search(text)
        or _REDIRECTS.search(bare)
    ):
        return False
    if re.search(
        r"-exec|-ok|-delete|-fprint|-fls|system\s*\(|getline|\bsed\b.*(?:-i|/[gp0-9]*[ew]\b)|\bprint[^'\"]*>|print\s*\|",
        text,
    ):
        return False
    if re.search(r"\bsort\b.*\s-o|\btree\b.*\s-o|\bdate\b.*(?:\s-s|--set|\d{6})|\bfind\s+(?:Q|\d)", text) or re.search(
        r"\.env\b|secret|id_rsa|\.pem", text
    ):
        return False
    programs = [part.split()[0] for part in re.split(r"\|\||&&|[|;]", bare) if part.split()]
    xargs = re.findall(r"\bxargs\s+(?:-\S+\s+(?:\d+\s+)?)*([\w./-]+)?", bare)
    return bool(programs) and all(name in READERS for name in (*programs, *(name for name in xargs if name)))


def judged(policy: object, parser: Shfmt, command: str) -> Verdict:
    call = ToolCall("1", "Bash", json.dumps({"command": command}).encode())
    caller = Caller(cwd=CWD, home=HOME)
    return engine.drive(
        engine.judge(policy, call, caller),  # type: ignore[arg-type]
        lambda need: parser.parse(need.text) if isinstance(need, NeedParse) else None,
    )


GOALS = {"deny cases": "deny", "own: deny": "deny", "harmless": "allow", "own: harmless": "allow"}


def tallies(wanted: str, parser: Shfmt, only: str | None = None) -> dict[tuple[str, str], Tally]:
    """By question and set."""
    policy = load([("safe-default", bundled.text("safe-default"))])
    found = list(cases(wanted, only))
    labels: dict[str, set[str | None]] = {}
    for case in found:
        labels.setdefault(case.command, set()).add(case.label)
    both = {command for command, held in labels.items() if {"allow", "deny"} <= held}
    out: dict[tuple[str, str], Tally] = {}
    for case in found:
        question = kind(case, both)
        if not question:
            continue
        decision = judged(policy, parser, case.command).decision
        goal = GOALS.get(question)
        wrong = decision != goal if goal else decision == "allow"
        out.setdefault((question, case.set), Tally()).add(decision, case.command, wrong)
    return out


def parsers(wanted: str, parser: Shfmt) -> list[str]:
    """Share of word-only text, errors, disagreements and time of one reading, on the unlabelled sets."""
    lines = []
    for name in ("nl2bash", "tldr", "intercode-nl2bash"):
        counts: Counter[str] = Counter()
        plain_us: list[float] = []
        full_us: list[float] = []
        for case in cases(wanted, name):
            simple = plain.plain(case.command) is not None
            start = time.perf_counter()
            facts = answered(reading(case.command, cwd=CWD, home=HOME, roots=(CWD,)), parser)
            (plain_us if simple else full_us).append((time.perf_counter() - start) * 1e6)
            counts["all"] += 1
            counts["word-only"] += simple
            counts["not parsed"] += "it could not be parsed" in facts.unknown
            counts["an error of one"] += any("found an error" in reason for reason in facts.unknown)
            counts["disagree"] += any("do not agree" in reason for reason in facts.unknown)
        total = counts.pop("all")
        shares = ", ".join(f"{key} {100 * value / total:.1f} %" for key, value in counts.items())
        lines.append(f"{name}: {total} commands; {shares}; word-only {_times(plain_us)}; two parsers {_times(full_us)}")
    return lines


def _times(values: list[float]) -> str:
    if not values:
        return "none"
    values = sorted(values)
    return f"p50 {values[len(values) // 2] / 1000:.2f} ms, p99 {values[int(len(values) * 0.99)] / 1000:.2f} ms"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--half", choices=("held-out", "tune"), default="held-out")
    options.add_argument("--set", choices=SETS, default=None)
    options.add_argument("--show", action="store_true")
    options.add_argument("--write", action="store_true", help="for docs/reference/policies.md; then `make docs`")
    given = options.parse_args()
    if given.write:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            tell(given)
        when = time.strftime("%Y-%m-%d", time.gmtime())
        FIGURES.write_text(f"{when}, {machine()}, `python -m scripts.policy_figures`\n\n{said.getvalue()}")
    else:
        tell(given)
    return 0


def tell(given: argparse.Namespace) -> None:
    with Shfmt() as parser:
        out = tallies(given.half, parser, given.set)
        print(f"half: {given.half} (own cases are all ours)\n")
        print(f"{'question':16} {'set':28} {'cases':>6} {'allow':>6} {'ask':>6} {'deny':>6}  as wanted")
        for (question, name), tally in sorted(out.items()):
            counts, total = tally.counts, tally.total
            right = 100 * (total - len(tally.wrong)) / total
            print(
                f"{question:16} {name:28} {total:6} {counts['allow']:6} {counts['ask']:6} {counts['deny']:6}  {right:.1f} %"
            )
        if given.show and given.half == "tune":
            for (question, name), tally in sorted(out.items()):
                for command in tally.wrong:
                    print(f"{question} | {name} | {command!r}"[:300])
        if given.set is None:
            print()
            print("\n".join(parsers(given.half, parser)))


if __name__ == "__main__":
    raise SystemExit(main())
