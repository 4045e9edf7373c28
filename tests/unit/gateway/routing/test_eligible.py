"""Who may serve: the hard limits, in the order in which they are told."""

from gateway.ir.exchange import Identity, Session
from gateway.routing.eligible import judge, reaches, well
from tests.unit.gateway.routing.made import endpoint, exchange, routes


def test_privacy_is_told_after_the_key_and_before_everything_else() -> None:
    cloud = endpoint("cloud", images=False)
    table = routes([cloud, endpoint("own", "local", local=True)])
    told = judge(exchange(tags=("private",), has_images=True), table, cloud, well)
    assert told.why.startswith("privacy: the session is tagged private")
    key = judge(exchange(tags=("private",), identity=Identity(allowed_models=("x",))), table, cloud, well)
    assert key.eligible is False


def test_tags_that_are_not_named_as_private_keep_nobody_out() -> None:
    cloud = endpoint("cloud")
    assert judge(exchange(tags=("team-a",)), routes([cloud]), cloud, well).eligible


def test_no_budget_means_no_limit() -> None:
    cloud = endpoint("cloud")
    assert reaches("cloud") == ""
    assert judge(exchange(), routes([cloud]), cloud, well, lambda _: "nothing left").why == "budget: nothing left"


def test_what_must_not_leave_keeps_a_session_from_the_cloud_models_of_a_lane() -> None:
    models = [endpoint("top", "frontier"), endpoint("mid"), endpoint("own", "frontier", local=True)]
    table = routes(models)
    held = exchange().placed(Session("s", private=("leak:frontier",)))
    assert [judge(held, table, model, well).eligible for model in models] == [False, True, True]
    assert judge(held, table, models[0], well).why.startswith(
        "privacy: the session holds what must stay on own servers"
    )
