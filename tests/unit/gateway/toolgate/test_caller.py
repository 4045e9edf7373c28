"""Who makes a call, as far as the request tells."""

from msgspec.structs import replace

from gateway.toolgate.caller import caller_of
from tests.support.turns import exchange


def test_who_calls():
    told = caller_of(exchange(agent="review", parent="ses_0"), 5.0)
    assert (told.key_id, told.harness, told.session, told.agent, told.parent, told.now_s) == (
        "key_1", "opencode", "ses_1", "review", "ses_0", 5.0,
    )  # fmt: skip
    assert told.extra == {"request": "req_1"}
    assert caller_of(exchange(), 0.0).agent is None
    assert caller_of(exchange(call="subagent"), 0.0).agent == "subagent"


def test_what_made_the_session_private_is_told():
    asked = exchange()
    asked = replace(asked, session=replace(asked.session, private=("private", "customer x")))
    assert caller_of(asked, 0.0).extra["private"] == "private\ncustomer x"
