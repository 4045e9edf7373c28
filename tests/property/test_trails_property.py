"""Reading a session turn by turn, in any portions, gives what reading it at once gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.features.view import view_of, view_of_trail
from gateway.adapters.trails import Read, Trails
from gateway.adapters.turns import conversation_of
from tests.unit.gateway.harnesses import shapes as s

SAID = st.sampled_from(
    ["add a cache", "still broken", "yes, go on", "why is it slow?", "weiter", "rename foo in a.py", "", "<context>x"]
)
TURN = st.one_of(
    SAID,
    st.tuples(
        st.just("assistant"), st.sampled_from(["I will migrate every service, one after the other, to gRPC.", "Done."])
    ),
    st.tuples(st.just("call"), st.sampled_from(["read", "bash", "edit", "task"])),
    st.tuples(st.just("result"), st.sampled_from(["fine", "1 failed", "Error: no", "", "@@ -1 +1 @@"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TURN, min_size=1, max_size=30), st.data(), st.sampled_from(sorted(s.PATHS)))
def test_any_portions_give_the_same_view(turns: list[Any], data: st.DataObject, dialect: Any) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(turns)), max_size=5)) | {len(turns)})
    trails, read = Trails(), None
    for cut in cuts:
        view = s.view(dialect, s.body(dialect, "sys", turns[:cut], ("read", "bash")))
        read = trails.extend(read, view, dialect, "unknown", trails.new_messages(read, view.messages))
    assert isinstance(read, Read)
    whole = view_of(conversation_of(view, dialect))
    assert view_of_trail(read.trail, view.tool_names) == whole
