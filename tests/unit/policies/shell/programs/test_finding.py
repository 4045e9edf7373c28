import pytest

from tests.support.shell import clear, effects, facts, one, programs


@pytest.mark.parametrize(
    "text",
    [
        "find . -name '*.py'",
        "find a b -type f -size +1M",
        "find . \\( -name a -o -name b \\) -prune -o -print",
        "sed -n 1,5p a",
        "sed 's/a/b/g; /x/d' a",
        "sed -e 's|a|b|' -e '$!N' a",
        "sed '/a/,/b/{s/x/y/;p}' a",
        "sed 's/[/]/x/' a",
        "awk '{print $1}' a",
        "awk -F: '$3 > 5 {n++} END {print n}' a",
        "awk '/a|b/ {print}' a",
        "awk 'NR==1 || NR==2' a",
    ],
)
def test_readers(text):
    assert clear(text), facts(text)


def test_find_that_acts():
    assert "destructive" in effects("find . -delete")
    assert facts("find src -name '*.c' -delete").writes == ("/repo/src/**/*.c",)
    assert programs("find . -exec cat {} +") == ["cat", "find"]
    assert "destructive" in effects("find . -execdir rm -rf {} \\;")
    assert one("find . -fprint out").writes == ("/repo/out",)
    assert facts("find . -frobnicate").unknown


@pytest.mark.parametrize("script", ["s/a/b/e", "1e id", "e", "s/a/b/Z", "k"])
def test_sed_that_runs_or_is_not_known(script):
    found = facts(f"sed '{script}' a")
    assert found.unknown or "exec_data" in found.effects


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("sed 's/a/b/w out' a", ("/repo/out",)),
        ("sed 'w out' a", ("/repo/out",)),
        ("sed -i s/a/b/ a", ("/repo/a",)),
        ("sed '/x/W out' a", ("/repo/out",)),
    ],
)
def test_sed_that_writes(text, writes):
    assert one(text).writes == writes


def test_sed_that_reads():
    assert "/etc/shadow" in facts("sed '1r /etc/shadow' a").reads
    assert facts("sed -f x a").unknown


@pytest.mark.parametrize("program", ['BEGIN{system("rm -rf x")}', '{print | "rm -rf x"}', '{"rm -rf x" | getline}'])
def test_awk_that_runs(program):
    assert "destructive" in effects(f"awk '{program}' a")


@pytest.mark.parametrize(
    "program", ["{system($1)}", "{print | $2}", "{print > $1}", "{getline x < $1}", '@load "x"', '{print ENVIRON["X"]}']
)
def test_awk_that_is_not_known(program):
    assert facts(f"awk '{program}' a").unknown


@pytest.mark.parametrize(
    "program",
    [
        '/"/ {system("rm -rf x")} /"/ {print}',
        '{print} # "\n BEGIN{system("rm -rf x")}',
        'BEGIN{x = 4 / 2; system("rm -rf x") / 1}',
        '$1 ~ /[/"]/ {system("rm -rf x")} /"/',
    ],
)
def test_awk_that_hides_what_it_runs(program):
    found = facts(f"awk '{program}' a")
    assert "destructive" in found.effects or found.unknown


@pytest.mark.parametrize(
    "program",
    [
        "$1 ~ /a\\/b/ {print}",
        "{print $1/$2, $3/$4}",
        'NR % 2 == 0 {print "a/b"}',
        "{n += $1} END {print n/NR}",
        "/^#/ {next} {print}",
    ],
)
def test_awk_slashes(program):
    found = facts(f"awk '{program}' a")
    assert not found.unknown or "#" in program


@pytest.mark.parametrize("script", ["s/[/]/x/", "s/[^/]*$//", "s/[]/]/x/", "s/[[:space:]/]*//", "s#[#]#x#g"])
def test_delimiters_in_brackets(script):
    assert clear(f"sed '{script}' a"), script
    assert "exec_data" in effects(f"sed '{script};1e id' a")


def test_awk_files():
    assert "/repo/out" in facts("awk '{print > \"out\"}' a").writes
    assert "/etc/shadow" in facts("awk '{while ((getline l < \"/etc/shadow\") > 0) print l}' a").reads
    assert facts("awk -f x a").unknown
