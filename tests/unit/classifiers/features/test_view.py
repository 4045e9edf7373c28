"""The request view: the ask and what is read with it; nothing else reaches a score."""

from classifiers.features.turns import Conversation, Turn
from classifiers.features.view import view_of

PLAN = "Plan: migrate all services from REST to gRPC, update every client, then remove the old routes. Shall I begin?"


def view(*turns, tools=()):
    kinds = {str: lambda t: Turn("human", text=t)}
    return view_of(Conversation(tuple(kinds[str](t) if isinstance(t, str) else Turn(*t) for t in turns), tools))


def test_the_ask_and_its_marks():
    seen = view("fix this:\n```\nTraceback (most recent call last):\n  x\n```")
    assert seen.ask == seen.text == "fix this:"
    assert seen.marks == {"trace"}
    assert seen.last_result is None
    assert set(seen.trajectory) == {0.0}


def test_an_agreed_plan_is_read_with_the_ask():
    seen = view("modernise the services", ("agent", PLAN), "yes, go ahead")
    assert seen.text.startswith("modernise the services\nPlan: migrate all services")
    assert "Shall I" not in seen.text
    assert seen.confirmed
    assert seen.plan == PLAN


def test_a_question_that_led_to_a_plan_is_done_with():
    assert view("how can we get rid of REST?", ("agent", PLAN), "ok do it").text.startswith("Plan: migrate")


def test_a_thin_plan_leaves_the_ask_alone():
    assert view("fix the bug?", ("agent", "I looked at it. Shall I go on?"), "yes").text == "fix the bug?"


def test_consent_to_nothing_reads_nothing():
    assert view("yes").text == ""
    assert view("yes").ask == ""


def test_a_complaint_is_read_after_the_ask():
    assert view("add a cache", ("agent", "done"), "still broken").text == "add a cache\nstill broken"


def test_after_a_compaction_the_summary_speaks():
    seen = view(
        "What did we do so far?",
        ("agent", "We rename getUser everywhere; half is done."),
        "Continue if you have next steps, or stop and ask",
    )
    assert seen.text == "We rename getUser everywhere; half is done."
    assert seen.resumed == 2


def test_tools_are_abilities_and_change_nothing_else():
    few, many = view("fix it", tools=("bash",)), view("fix it", tools=("bash", *(f"crm_{n}" for n in range(99))))
    assert few == many
    assert few.abilities == {"run"}
