from classifiers.features.approve.calls import (
    CLASSES,
    PLAIN,
    REMEMBERED_MAX,
    Call,
    Part,
    Past,
    Spot,
    classes_of,
    folder,
    marks_of,
)  # fmt: skip


def test_a_call_has_at_least_one_class():
    assert classes_of(Call("search")) == (PLAIN,)
    assert classes_of(Call("shell", effects=("network", "publish"))) == ("network", "publish")
    assert classes_of(Call("edit", writes=(Spot("a", "in"),))) == ("changes",)
    assert classes_of(Call("read", reads=(Spot("/etc/x", "out"),))) == ("read_outside",)
    assert classes_of(Call("mcp", "t", "s")) == ("mcp",)
    assert classes_of(Call("shell", parts=(Part("rm", operands=("a",)),), writes=(Spot("a", "in"),))) == ("removes",)
    assert classes_of(Call("shell", parts=(Part("xyz", known=False),))) == ("unknown_program",)
    assert set(classes_of(Call("delete", effects=("destructive",)))) == {"destructive", "removes"}
    assert set(classes_of(Call("agent"))) <= set(CLASSES)


def test_marks_name_programs_hosts_and_folders():
    call = Call(
        "shell",
        parts=(Part("git", "push"), Part("git", "push")),
        hosts=("a.b",),
        writes=(Spot("src/x", "in"),),
        reads=(Spot("y", "in"),),
    )
    assert list(marks_of(call)) == ["p:git push", "h:a.b", "d:src", "r:."]
    assert list(marks_of(Call("mcp", "post", "slack"))) == ["p:mcp:slack.post"]
    assert folder("a/b/c") == "a/b"


def test_the_past_tells_rules_from_people_and_is_bounded():
    past = Past()
    past.allowed(Call("shell", parts=(Part("ls"),)), by_person=False)
    past.allowed(Call("shell", parts=(Part("git", "push"),)), by_person=True)
    assert past.used == {"p:ls"}
    assert past.granted == {"p:git push"}
    for number in range(REMEMBERED_MAX + 50):
        past.allowed(Call("shell", parts=(Part(f"p{number}"),)), by_person=False)
    assert len(past.used) == REMEMBERED_MAX
    assert past.calls == REMEMBERED_MAX + 52
