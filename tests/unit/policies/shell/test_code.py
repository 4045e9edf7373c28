import pytest

from policies.shell.code import CODE_MAX, scan


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", 'import os; os.system("rm -rf x")'),
        ("python", "subprocess.run(['rm', '-rf', 'x'])"),
        ("python", 'subprocess.check_output("rm -rf x", shell=True)'),
        ("javascript", "require('child_process').execSync('rm -rf x')"),
        ("javascript", "spawn('rm', ['-rf', 'x'])"),
        ("perl", 'system("rm -rf x")'),
        ("perl", "`rm -rf x`"),
        ("ruby", "%x(rm -rf x)"),
        ("php", "shell_exec('rm -rf x');"),
        ("code", 'os.execute("rm -rf x")'),
    ],
)
def test_commands_in_code(language, code):
    assert any(line.replace("'", "") == "rm -rf x" for line in scan(language, code).shells)


@pytest.mark.parametrize(
    "code",
    [
        "shutil.rmtree('x')",
        "fs.rmSync('x')",
        "FileUtils.rm_rf('x')",
        "os.remove('x')",
        "cursor.execute('DROP TABLE x')",
    ],
)
def test_code_that_destroys(code):
    assert scan("python", code).destructive


def test_files_and_hosts():
    found = scan("python", "open('/etc/shadow').read(); open('out', 'w'); requests.get('https://u@H.example:8/x')")
    assert "/etc/shadow" in found.reads
    assert found.writes == ["out"]
    assert found.hosts == ["h.example:8"]
    assert found.network


def test_nothing_found_is_nothing_said():
    found = scan("python", "print(1 + 1)")
    assert not (found.shells)
    assert not (found.destructive)
    assert not (found.hosts)
    assert not (found.network)
    assert not (found.writes)


def test_only_the_beginning_is_looked_at():
    assert not scan("python", " " * CODE_MAX + "shutil.rmtree('x')").destructive
