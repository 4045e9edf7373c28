"""A grant covers exactly the call that was shown, for one session and key, until it ends or is spent."""

from dataclasses import replace

import pytest

from policies.tickets import SHOWN_CHARS_MAX, Grant, canonical, covering, digest, display, spent, visible
from policies.verdict import Caller, ToolCall

CALL = ToolCall("1", "Bash", b'{"command": "rm x", "timeout": 1}')
WHO = Caller(key_id="k", session="s", cwd="/repo", now_s=100)
GRANT = Grant("g1", digest(CALL, WHO), "k", "s", expires_s=200)


def test_spelling_does_not_matter_and_everything_else_does():
    same = replace(CALL, id="2", arguments=b'{"timeout":1,"command":"rm \\u0078"}')
    assert digest(same, WHO) == digest(CALL, WHO)
    for other in (
        replace(CALL, arguments=b'{"command":"rm x ","timeout":1}'),
        replace(CALL, arguments=b'{"command":"rm x"}'),
        replace(CALL, name="bash"),
        replace(CALL, custom=True),
    ):
        assert digest(other, WHO) != digest(CALL, WHO)
    assert digest(CALL, replace(WHO, cwd="/")) != digest(CALL, WHO)


def test_unreadable_arguments_have_a_digest_of_their_own():
    assert canonical(replace(CALL, arguments=b'{"a":1,"a":2}'), WHO) != canonical(
        replace(CALL, arguments=b'{"a":2}'), WHO
    )


@pytest.mark.parametrize(
    "who",
    [replace(WHO, key_id="x"), replace(WHO, session="x"), replace(WHO, now_s=200), replace(WHO, cwd="/x")],
)
def test_what_a_grant_does_not_cover(who):
    assert covering([GRANT], CALL, WHO) is GRANT
    assert covering([GRANT], CALL, who) is None


def test_uses():
    assert covering([spent(GRANT)], CALL, WHO) is None
    with pytest.raises(ValueError, match="spent"):
        spent(spent(GRANT))


def test_without_a_session_nothing_is_covered():
    assert covering([replace(GRANT, session="")], CALL, replace(WHO, session="")) is None


def test_what_is_shown_hides_nothing():
    call = ToolCall("1", "Bash", '{"command":"ls\\u202e\\n\\u001b[2Jrm ü\\u200b\\t"}'.encode())
    assert display(call, WHO) == "Bash\nin /repo\ncommand: ls\\u202e\\n\\u001b[2Jrm ü\\u200b\\t"
    assert "do not approve unseen" in display(replace(CALL, arguments=b'{"x":"' + b"y" * SHOWN_CHARS_MAX + b'"}'), WHO)
    assert display(ToolCall("1", "apply_patch", b"*** x", custom=True), Caller()) == "apply_patch\ntext: *** x"
    assert visible("\U000e0041") == "\\U000e0041"
