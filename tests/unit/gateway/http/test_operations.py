from types import SimpleNamespace

from gateway.http.operations import health_of


def host(**more):
    given = {
        "runtime": SimpleNamespace(
            generation=3,
            config_source="interlock.yaml",
            settings=SimpleNamespace(policies=("safe-default",)),
            policy=SimpleNamespace(digest="abc"),
            endpoints={
                "a": SimpleNamespace(lane="mid", simulated=False),
                "b": SimpleNamespace(lane="local", simulated=True),
            },
        ),
        "ports": SimpleNamespace(
            health=SimpleNamespace(status=lambda name: (name == "a", "" if name == "a" else "breaker open"))
        ),
        "front": SimpleNamespace(in_flight=2, elsewhere=3),
        "reload_error": None,
        "reload_failures": 0,
        "warnings": (),
        "version": "1",
    }
    return SimpleNamespace(**{**given, **more})


def test_well():
    told = health_of(host())
    assert told["status"] == "ok"
    assert told["in_flight"] == 5
    assert told["config"]["generation"] == 3
    assert (told["config"]["policies"], told["config"]["policy"]) == (["safe-default"], "abc")
    assert told["models"]["a"] == {"lane": "mid", "up": True, "detail": "ok", "simulated": False}
    assert told["models"]["b"] == {"lane": "local", "up": False, "detail": "breaker open", "simulated": True}


def test_a_refused_configuration_is_said_loudly():
    told = health_of(host(reload_error="line 3: no", reload_failures=2))
    assert told["status"] == "degraded"
    assert told["config"]["reload_error"] == "line 3: no"
    assert told["config"]["reload_failures"] == 2


def test_warnings_too():
    assert health_of(host(warnings=("a secret is missing",)))["status"] == "degraded"
