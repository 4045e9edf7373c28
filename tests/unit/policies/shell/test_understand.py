import pytest

from policies.facts import Facts
from policies.shell import plain, reading, understand, warm
from policies.shell.table import programs as programs_table
from policies.shell.understand import CHARS_MAX, READ_CHARS_MAX
from policies.verdict import NeedParse
from tests.support.shell import facts, parser, programs

PLACE = {"cwd": "/repo", "home": "/home/user", "roots": ("/repo",)}


def test_plain_words_need_no_second_parser():
    found = understand("git status && ls -la; cat a | wc -l", **PLACE)
    assert isinstance(found, Facts)
    assert [command.program for command in found.commands] == ["git", "ls", "cat", "wc"]
    assert found.reads == ("/repo", "/repo/a")
    assert not found.unknown


@pytest.mark.parametrize("char", list("$`<>(){}*?[\\!"))
def test_every_special_character_asks_for_the_second_parser(char):
    text = f"echo a{char}b"
    assert understand(text, **PLACE) == NeedParse(text)


@pytest.mark.parametrize(
    "word", ["if", "then", "for", "while", "case", "function", "time", "coproc", "let", "export", "declare", "local"]
)
def test_keywords_ask_for_the_second_parser(word):
    text = f"{word} ls"
    assert understand(text, **PLACE) == NeedParse(text)


def test_the_tree_is_the_answer():
    text = "rm -rf $HOME"
    tree = parser().parse(text)
    found = understand(text, tree=tree, **PLACE)
    assert isinstance(found, Facts)
    assert found.writes == ("~",)
    assert "destructive" in found.effects


def test_without_a_tree_the_text_is_not_read_but_what_it_says_is_seen():
    found = understand("git reset --hard 'x", tree=None, **PLACE)
    assert isinstance(found, Facts)
    assert "it could not be parsed" in found.unknown
    assert "destructive" in found.effects


def test_a_tree_of_another_text_is_a_disagreement():
    tree = parser().parse("ls; echo $x")
    found = understand("rm -rf $x", tree=tree, **PLACE)
    assert isinstance(found, Facts)
    assert any("do not agree" in reason for reason in found.unknown)


@pytest.mark.parametrize(
    "tree",
    [
        b"",
        b"{}",
        b"[]",
        b'{"Type": "File", "Stmts": [{"Cmd": {"Type": "Nonsense"}}]}',
        b"\xff",
        b'{"Type":"File","Stmts":3}',
    ],
)
def test_a_broken_tree_is_not_read(tree):
    found = understand("ls $x", tree=tree, **PLACE)
    assert isinstance(found, Facts)
    assert found.unknown


def test_texts_in_the_text_are_asked_for_too():
    steps = reading('bash -c "a $x; rm -rf \\"y z\\""', **PLACE)
    asked = [next(steps).text]
    found = None
    while found is None:
        try:
            asked.append(steps.send(parser().parse(asked[-1])).text)
        except StopIteration as stop:
            found = stop.value
    assert len(asked) == 2
    assert "destructive" in found.effects


def test_understand_counts_texts_in_the_text_as_not_read():
    text = 'bash -c "ls *"'
    found = understand(text, tree=parser().parse(text), **PLACE)
    assert isinstance(found, Facts)
    assert found.unknown


def test_long_texts_are_read_but_not_trusted():
    text = "echo " + "a" * CHARS_MAX + "; rm -rf x"
    found = facts(text)
    assert any("longer than" in reason for reason in found.unknown)
    assert "destructive" in found.effects
    assert facts("x" * (READ_CHARS_MAX + 1)).unknown


def test_more_than_fifty_commands_are_not_trusted():
    assert not facts("; ".join(["ls"] * 50)).unknown
    assert facts("; ".join(["ls"] * 51)).unknown


@pytest.mark.parametrize("text", ["ls \u200b", "ls \u202ex", "a\0b", "ls\u00a0x", "ls \x1b[0m"])
def test_hidden_characters_are_invalid(text):
    assert facts(text).invalid


@pytest.mark.parametrize(
    "text",
    ["Get-ChildItem -Recurse", "Remove-Item x", "$env:PATH", "echo ${(e)x}", "=ls x", "zmodload zsh/x", "ls | iex "],
)
def test_other_shells_are_not_read(text):
    assert facts(text).unknown


def test_commands_in_words_the_witness_does_not_see_are_found_or_a_disagreement():
    """The gaps of tree-sitter-bash: none may be silent."""
    for text in (
        "cat <<EOF\n`rm -rf x`\nEOF",
        "cat <<EOF\n${a:-`rm -rf x`}\nEOF",
        "cat <<-E\n\t$(rm -rf x)\n\tE",
        "echo ${x^^$(rm -rf x)}",
        "time -p rm -rf x",
        "coproc rm -rf x",
    ):
        found = facts(text)
        assert "destructive" in found.effects, text
        assert "rm" in programs(text), text


def test_the_empty_text_is_nothing():
    assert facts("") == Facts("shell", "")
    assert facts("# a comment").commands == ()


def test_warming_loads_grammar_and_tables():
    warm()
    assert plain._grammar.cache_info().currsize == 1
    assert programs_table.cache_info().currsize == 1
