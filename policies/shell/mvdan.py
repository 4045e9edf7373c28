"""mvdan/sh's tree, as `shfmt --to-json` prints it, to `Script`. A node this module does not know is `NotRead`: a new
version of the parser then makes calls ask instead of losing a part. Written against mvdan/sh 3.14.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec

from policies.shell.syntax import (
    Assign,
    Binary,
    Branch,
    Call,
    Cmd,
    Function,
    Group,
    Loop,
    NotRead,
    Param,
    Part,
    Redirect,
    Script,
    Stmt,
    Subst,
    Test,
    Text,
    Unread,
    Word,
    substitutions,
)

Json = dict[str, Any]
_NAME = re.compile(r"[A-Za-z_]\w*")
DEPTH_MAX = 60
"""Of nested commands; a person writes fewer than ten."""


def script(tree: bytes, source: str) -> Script:
    """NotRead for a tree of another shape, and for text nested deeper than `DEPTH_MAX`."""
    try:
        root = msgspec.json.decode(tree)
    except (msgspec.DecodeError, RecursionError):
        raise NotRead("the second parser's answer is not JSON") from None
    if not isinstance(root, dict) or root.get("Type") != "File":
        raise NotRead("the second parser's answer is not a syntax tree")
    reader = _Reader(source.encode("utf-8", "surrogatepass"))
    try:
        return Script(reader.stmts(root.get("Stmts")), frozenset(reader.names), frozenset(reader.soft))
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        raise NotRead(f"the second parser's tree has an unexpected shape ({type(error).__name__})") from None


class _Reader:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.names: list[int] = []
        self.soft: set[int] = set()
        self.depth = 0

    def stmts(self, nodes: list[Json] | None) -> tuple[Stmt, ...]:
        return tuple(self.stmt(node) for node in nodes or ())

    def stmt(self, node: Json) -> Stmt:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise NotRead(f"nested deeper than {DEPTH_MAX}")
        cmd = node.get("Cmd")
        out = Stmt(
            None if cmd is None else self.cmd(cmd),
            tuple(self.redirect(item) for item in node.get("Redirs") or ()),
            bool(node.get("Background") or node.get("Coprocess") or node.get("Disown")),
            bool(node.get("Negated")),
        )
        self.depth -= 1
        return out

    def cmd(self, node: Json) -> Cmd:
        kind = node["Type"]
        method = getattr(self, "_" + kind, None)
        if method is None:
            raise NotRead(f"a construct that is not read ({kind})")
        out: Cmd = method(node)
        return out

    def _CallExpr(self, node: Json) -> Call:
        args = node.get("Args") or ()
        if args:
            self.names.append(args[0]["Pos"]["Offset"])
        return Call(tuple(self.assign(item) for item in node.get("Assigns") or ()), tuple(map(self.word, args)))

    def _DeclClause(self, node: Json) -> Call:
        self.names.append(node["Pos"]["Offset"])
        assigns: list[Assign] = []
        args: list[Word] = [(Text(node["Variant"]["Value"]),)]
        for item in node.get("Args") or ():
            if item.get("Name") is not None:
                assigns.append(self.assign(item))
            elif item.get("Value") is not None:
                args.append(self.word(item["Value"]))
        return Call(tuple(assigns), tuple(args), declares=node["Variant"]["Value"])

    def _BinaryCmd(self, node: Json) -> Binary:
        return Binary(node["Op"], self.stmt(node["X"]), self.stmt(node["Y"]))

    def _Block(self, node: Json) -> Group:
        return Group(self.stmts(node.get("Stmts")))

    def _Subshell(self, node: Json) -> Group:
        return Group(self.stmts(node.get("Stmts")), sub=True)

    def _keyword(self, node: Json) -> None:
        """`time`, `coproc` and `let` are commands to tree-sitter; what they run is an argument there."""
        self.soft.add(node["Pos"]["Offset"])
        stmt = node.get("Stmt")
        if stmt is not None:
            self.soft.add(stmt["Pos"]["Offset"])
            cmd = stmt.get("Cmd") or {}
            if cmd.get("Args"):
                self.soft.add(cmd["Args"][0]["Pos"]["Offset"])

    def _TimeClause(self, node: Json) -> Group:
        self._keyword(node)
        return Group((self.stmt(node["Stmt"]),) if node.get("Stmt") else ())

    def _CoprocClause(self, node: Json) -> Group:
        self._keyword(node)
        return Group((self.stmt(node["Stmt"]),), sub=True)

    def _IfClause(self, node: Json) -> Branch:
        tests: list[Stmt] = []
        bodies: list[tuple[Stmt, ...]] = []
        complete = False
        arm: Json | None = node
        while arm is not None:
            tests.extend(self.stmts(arm.get("Cond")))
            bodies.append(self.stmts(arm.get("Then")))
            complete = not arm.get("Cond")
            arm = arm.get("Else")
        return Branch(tuple(tests), (), tuple(bodies), complete)

    def _CaseClause(self, node: Json) -> Branch:
        words = [self.word(node["Word"])]
        bodies: list[tuple[Stmt, ...]] = []
        for item in node.get("Items") or ():
            words.extend(map(self.word, item.get("Patterns") or ()))
            bodies.append(self.stmts(item.get("Stmts")))
        return Branch((), tuple(words), tuple(bodies))

    def _WhileClause(self, node: Json) -> Loop:
        return Loop(self.stmts(node.get("Cond")), self.stmts(node.get("Do")))

    def _ForClause(self, node: Json) -> Loop:
        loop = node["Loop"]
        if loop["Type"] == "WordIter":
            items = loop.get("Items")
            words = tuple(map(self.word, items)) if items is not None or loop.get("InPos") else None
            return Loop((), self.stmts(node.get("Do")), loop["Name"]["Value"], words)
        parts = tuple(self.arithmetic(loop.get(key)) for key in ("Init", "Cond", "Post"))
        return Loop((), self.stmts(node.get("Do")), words=parts)

    def _FuncDecl(self, node: Json) -> Function | Binary:
        names = node.get("Names") or ([node["Name"]] if node.get("Name") else [])
        if len(names) != 1:
            raise NotRead("a function without one name")
        hoisted = _hoisted(names[0]["Value"], self.stmt(node["Body"])).cmd
        if not isinstance(hoisted, Function | Binary):
            raise NotRead("a function without a body")
        return hoisted

    def _TestClause(self, node: Json) -> Test:
        words: list[Word] = []
        risky = self.test(node["X"], words)
        return Test(tuple(words), arithmetic=risky)

    def _ArithmCmd(self, node: Json) -> Test:
        return Test((self.arithmetic(node["X"]),), True, _assigned(node["X"]))

    def _LetClause(self, node: Json) -> Test:
        self._keyword(node)
        exprs = node.get("Exprs") or ()
        return Test(tuple(map(self.arithmetic, exprs)), True, tuple(n for e in exprs for n in _assigned(e)))

    def test(self, node: Json, words: list[Word]) -> bool:
        """Whether an operand is evaluated as arithmetic: `-eq` and `-v` run code in subscripts."""
        kind = node["Type"]
        if kind == "Word":
            words.append(self.word(node))
            return False
        if kind == "ParenTest":
            return self.test(node["X"], words)
        if kind == "UnaryTest":
            return self.test(node["X"], words) or node["Op"] in {"-v", "-R"}
        if kind == "BinaryTest":
            left = self.test(node["X"], words)
            return self.test(node["Y"], words) or left or node["Op"] in {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"}
        raise NotRead(f"a test that is not read ({kind})")

    def arithmetic(self, node: Json | None) -> Word:
        """The substitutions of an arithmetic expression: all that runs in it."""
        inner: list[Subst] = []
        names: list[str] = []
        risky = self._arithmetic(node, inner, names)
        return (Unread("arithmetic on text" if risky else "", True, tuple(inner), tuple(names)),)

    def _arithmetic(self, node: Json | None, inner: list[Subst], names: list[str]) -> bool:
        if node is None:
            return False
        kind = node.get("Type", "Word" if "Parts" in node else "")
        if kind == "Word":
            word = self.word(node)
            inner.extend(substitutions(word))
            for part in word:
                if isinstance(part, Param):
                    names.append(part.name)
                elif isinstance(part, Text):
                    names.extend(_NAME.findall(part.value))
            # A subscript is expanded once more when it is evaluated.
            return any(
                (isinstance(part, Unread) and part.why) or (isinstance(part, Param) and part.op) for part in word
            )
        risky = False
        for key in ("X", "Y", "Z"):
            if isinstance(node.get(key), dict):
                risky = self._arithmetic(node[key], inner, names) or risky
        if kind not in {"BinaryArithm", "UnaryArithm", "ParenArithm", "FlagsArithm"}:
            raise NotRead(f"arithmetic that is not read ({kind})")
        return risky

    def redirect(self, node: Json) -> Redirect:
        body, delimiter = node.get("Hdoc"), self.word(node["Word"])
        number = (node.get("N") or {}).get("Value", "")
        if body is None:
            return Redirect(node["Op"], delimiter, number)
        if any(isinstance(part, Text) and part.quoted for part in delimiter):
            raw = "".join(part.get("Value", "") for part in body.get("Parts") or ())
            return Redirect(node["Op"], delimiter, number, (Text(raw, True),))
        return Redirect(node["Op"], delimiter, number, self.word(body, heredoc=True))

    def assign(self, node: Json) -> Assign:
        name = node["Name"]["Value"]
        more: list[Word] = []
        if node.get("Index") is not None:
            more.append(self.arithmetic(node["Index"]))
        if node.get("Array") is not None:
            for item in node["Array"].get("Elems") or ():
                more.extend(self.word(item[key]) for key in ("Value",) if item.get(key))
                if item.get("Index") is not None:
                    more.append(self.arithmetic(item["Index"]))
            return Assign(name, None, tuple(more), bool(node.get("Append")))
        value = node.get("Value")
        naked = bool(node.get("Naked"))
        return Assign(
            name,
            None if naked or node.get("Index") is not None else (() if value is None else self.word(value)),
            (*more, *((self.word(value),) if value is not None and node.get("Index") is not None else ())),
            bool(node.get("Append")),
        )

    def word(self, node: Json, heredoc: bool = False) -> Word:
        parts: list[Part] = []
        for part in node.get("Parts") or ():
            self.part(part, parts, quoted=heredoc, heredoc=heredoc)
        return tuple(parts)

    def part(self, node: Json, out: list[Part], *, quoted: bool, heredoc: bool = False) -> None:
        kind = node["Type"]
        if kind == "Lit":
            out.extend(_literal(node["Value"], quoted))
        elif kind == "SglQuoted":
            value = node.get("Value", "")
            out.append(Text(ansi_c(value) if node.get("Dollar") else value, True))
        elif kind == "DblQuoted":
            out.append(Text("", True))
            for child in node.get("Parts") or ():
                self.part(child, out, quoted=True)
        elif kind == "ParamExp":
            out.append(self.param(node, quoted))
        elif kind == "CmdSubst":
            out.append(Subst("$", self.stmts(node.get("Stmts")), quoted))
        elif kind == "ProcSubst":
            out.append(Subst("<" if node["Op"] == "<(" else ">", self.stmts(node.get("Stmts")), quoted))
        elif kind == "ArithmExp":
            word = self.arithmetic(node["X"])
            first = word[0]
            out.append(replace(first, quoted=quoted) if isinstance(first, Unread) else first)
        elif kind == "ExtGlob":
            out.append(Unread("an extended pattern", quoted))
        else:
            raise NotRead(f"a part of a word that is not read ({kind})")

    def param(self, node: Json, quoted: bool) -> Param:
        name = (node.get("Param") or {}).get("Value", "")
        inner: list[Subst] = []
        op, word = "", None
        if node.get("NestedParam") or node.get("Flags") or node.get("Modifiers"):
            op = "zsh"
        if node.get("Index") is not None:
            op = "[]"
            self._arithmetic(node["Index"], inner, [])
        for key in ("Excl", "Length", "Width", "IsSet", "Plus"):
            if node.get(key):
                op = key
        if node.get("Slice") is not None:
            op = "slice"
            for key in ("Offset", "Length"):
                self._arithmetic(node["Slice"].get(key), inner, [])
        if node.get("Repl") is not None:
            op = "replace"
            for key in ("Orig", "With"):
                if node["Repl"].get(key):
                    inner.extend(substitutions(self.word(node["Repl"][key])))
        if node.get("Names"):
            op = "names"
        if node.get("Exp") is not None:
            given = node["Exp"]
            word = self.word(given["Word"]) if given.get("Word") else ()
            op = given["Op"] if not op else op + given["Op"]
        return Param(name, op, word, quoted, tuple(inner))


def _hoisted(name: str, body: Stmt) -> Stmt:
    """`f() { a; } | b` and `f() { a; } && b`: mvdan/sh 3.14 takes `b` for a part of the function; bash runs it at once."""
    if isinstance(body.cmd, Binary):
        return replace(body, cmd=Binary(body.cmd.op, _hoisted(name, body.cmd.left), body.cmd.right))
    return Stmt(Function(name, body))


def _assigned(node: Any) -> tuple[str, ...]:
    """Names that an arithmetic expression sets."""
    if not isinstance(node, dict):
        return ()
    out: list[str] = []
    if node.get("Op") in {"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^=", "++", "--"}:
        parts = (node.get("X") or {}).get("Parts") or ()
        out.extend(part["Value"] for part in parts if part.get("Type") == "Lit")
    for key in ("X", "Y"):
        out.extend(_assigned(node.get(key)))
    return tuple(out)


def _literal(value: str, quoted: bool) -> list[Part]:
    """Take the backslashes off. Inside double quotes and here-documents only `\\$`, `` \\` ``, `\\"` and `\\\\` are one."""
    if "\\" not in value:
        return [Text(value, quoted)]
    out: list[Part] = []
    plain: list[str] = []
    index = 0
    while index < len(value):
        char = value[index]
        if char == "\\" and index + 1 < len(value):
            following = value[index + 1]
            index += 2
            if following == "\n":
                continue
            if quoted and following not in '$`"\\':
                plain.append("\\" + following)
                continue
            if quoted:
                plain.append(following)
                continue
            if plain:
                out.append(Text("".join(plain)))
                plain = []
            out.append(Text(following, True))
            continue
        plain.append(char)
        index += 1
    if plain:
        out.append(Text("".join(plain), quoted))
    return out


_SIMPLE = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_DIGITS = {"x": (16, 2), "u": (16, 4), "U": (16, 8)}


def ansi_c(value: str) -> str:
    """`$'…'` as bash reads it (manual, section 3.1.2.4). A character after NUL is cut off, as bash does."""
    out: list[str] = []
    index = 0
    while index < len(value):
        char = value[index]
        if char != "\\" or index + 1 >= len(value):
            out.append(char)
            index += 1
            continue
        kind = value[index + 1]
        index += 2
        if kind in _SIMPLE:
            out.append(_SIMPLE[kind])
        elif kind in _DIGITS:
            base, longest = _DIGITS[kind]
            taken, index = _number(value, index, "0123456789abcdefABCDEF", longest)
            out.append(_char(int(taken, base)) if taken else "\\" + kind)
        elif kind in "01234567":
            taken, index = _number(value, index - 1, "01234567", 3)
            out.append(_char(int(taken, 8) & 0xFF))
        elif kind == "c" and index < len(value):
            out.append(chr(ord(value[index]) & 0x1F))
            index += 1
        else:
            out.append(kind if kind in "\\'\"?" else "\\" + kind)
    return "".join(out).split("\0")[0]


def _char(code: int) -> str:
    return chr(code) if code <= 0x10FFFF else "\ufffd"


def _number(value: str, start: int, digits: str, longest: int) -> tuple[str, int]:
    end = start
    while end < len(value) and end - start < longest and value[end] in digits:
        end += 1
    return value[start:end], end
