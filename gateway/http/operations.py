"""The FastAPI app behind the front: models, stored responses, operations. Low-rate routes only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from gateway.errors import GatewayError, MalformedRequest, NotAvailable, NotFound, UnknownModel
from gateway.http import admin, catalogue, feedback, openapi
from gateway.http.front import dialect_of
from gateway.http.host import Host
from gateway.pipeline import stored
from gateway.pipeline.serve import Pipeline
from gateway.ports import Caller

MODELS_MAX = 1000


def make(host: Host, pipeline: Pipeline) -> FastAPI:
    app = FastAPI(
        title="Interlock",
        version=host.version,
        summary="A gateway between coding agents and models.",
        docs_url="/docs",
        redoc_url=None,
    )
    app.include_router(_models(host))
    app.include_router(_responses(host))
    app.include_router(_operations(host))
    app.include_router(feedback.router(host, _caller(host)))
    app.include_router(admin.router(host))
    _errors(app, pipeline)
    openapi.describe(app)
    return app


def _caller(host: Host) -> Any:
    def find(request: Request) -> Caller:
        caller: Caller = host.front.authenticate(dict(request.scope["headers"]))
        return caller

    return Depends(find)


def _models(host: Host) -> APIRouter:
    router = APIRouter(tags=["models"])
    caller = _caller(host)

    @router.get("/v1/models")
    async def list_models(
        who: Caller = caller,
        after_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MODELS_MAX)] = MODELS_MAX,
    ) -> JSONResponse:
        """Names that may be asked for, with their context sizes."""
        listed = catalogue.entries(host.runtime, who)
        return JSONResponse(catalogue.page(listed, after_id=after_id, limit=limit))

    @router.get("/v1/models/{model_id:path}")
    async def one_model(model_id: str, who: Caller = caller) -> JSONResponse:
        """One of them."""
        for entry in catalogue.entries(host.runtime, who):
            if entry["id"] == model_id:
                return JSONResponse(entry)
        raise UnknownModel(f"unknown model {model_id[:120]!r}", accepted="a name of GET /v1/models")

    return router


def _responses(host: Host) -> APIRouter:
    router = APIRouter(tags=["responses"])
    caller = _caller(host)

    @router.get("/v1/responses/{response_id}")
    async def get_response(response_id: str, who: Caller = caller, stream: bool = False) -> Response:
        """A stored response."""
        if stream:
            raise NotAvailable("a stored response cannot be streamed again", where="?stream", accepted="stream=false")
        found = await stored.load(host.ports.state, who.key_id, response_id)
        return Response(found.body, media_type="application/json")

    @router.delete("/v1/responses/{response_id}")
    async def delete_response(response_id: str, who: Caller = caller) -> JSONResponse:
        """Forgets a stored response."""
        if not await host.ports.state.delete(stored.STORED, stored.key_of(who.key_id, response_id)):
            raise NotFound(f"response {response_id[:80]!r} is not stored here")
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})

    @router.post("/v1/responses/{response_id}/cancel")
    async def cancel_response(response_id: str, who: Caller = caller) -> JSONResponse:
        """Only background responses can be cancelled, and this version has none."""
        await stored.load(host.ports.state, who.key_id, response_id)
        raise MalformedRequest("only background responses can be cancelled; this one is complete")

    @router.get("/v1/responses/{response_id}/input_items")
    async def input_items(
        response_id: str,
        who: Caller = caller,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        order: Annotated[str, Query(pattern="^(asc|desc)$")] = "desc",
        after: str | None = None,
    ) -> Response:
        """The input items a stored response was made from."""
        found = await stored.load(host.ports.state, who.key_id, response_id)
        items = [msgspec.json.decode(raw) for raw in found.input]
        for number, item in enumerate(items):
            if isinstance(item, dict):
                item.setdefault("id", f"item_{number}")
        if order == "desc":
            items.reverse()
        ids = [item.get("id") for item in items]
        start = ids.index(after) + 1 if after in ids else 0
        shown = items[start : start + limit]
        answer = {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": start + limit < len(items),
        }
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return router


def _operations(host: Host) -> APIRouter:
    router = APIRouter(tags=["operations"])
    caller = _caller(host)

    @router.get("/health")
    async def health() -> JSONResponse:
        """Alive, with details for people. Needs no key and tells no secrets."""
        return JSONResponse(health_of(host))

    @router.get("/ready")
    async def ready() -> JSONResponse:
        """200 while new requests are taken; 503 while draining."""
        draining = host.front.draining
        return JSONResponse({"ready": not draining}, status_code=503 if draining else 200)

    @router.get("/metrics")
    async def metrics() -> PlainTextResponse:
        """Prometheus text format."""
        return PlainTextResponse(host.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/v1/stats")
    async def stats(who: Caller = caller) -> JSONResponse:
        """The same numbers as /metrics, as JSON."""
        return JSONResponse(host.stats.summary(host))

    @router.get("/api/hello")
    @router.head("/api/hello")
    async def hello() -> JSONResponse:
        """Claude Code's reachability probe."""
        return JSONResponse({"message": "hello"})

    @router.get("/")
    async def root() -> JSONResponse:
        """What this is."""
        return JSONResponse({"name": "interlock", "version": host.version, "docs": "/docs", "health": "/health"})

    @router.head("/")
    async def root_head() -> Response:
        """Some clients look whether anybody is there."""
        return Response()

    return router


def health_of(host: Host) -> dict[str, Any]:
    runtime = host.runtime
    models = {}
    for name, endpoint in runtime.endpoints.items():
        up, why = host.ports.health.status(name)
        models[name] = {"lane": endpoint.lane, "up": up, "detail": why or "ok", "simulated": endpoint.simulated}
    detail = {
        "generation": runtime.generation,
        "policies": list(runtime.settings.policies),
        "policy": runtime.policy.digest if runtime.policy is not None else None,
        "source": runtime.config_source,
        "reload_error": host.reload_error,
        "reload_failures": host.reload_failures,
        "warnings": list(host.warnings),
    }
    return {
        "status": "degraded" if host.reload_error or host.warnings else "ok",
        "version": host.version,
        "in_flight": host.front.in_flight + host.front.elsewhere,
        "config": detail,
        "models": models,
    }


def _errors(app: FastAPI, pipeline: Pipeline) -> None:
    """Every error of the back in the shape of the family its path belongs to."""

    def answer(request: Request, error: GatewayError, status: int) -> Response:
        body = dialect_of(request.url.path).error_body(error, "req_" + pipeline.ports.random.token(12))
        return Response(body, status_code=status, media_type="application/json")

    @app.exception_handler(GatewayError)
    async def named(request: Request, error: GatewayError) -> Response:
        return answer(request, error, error.status)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {}
        where = ".".join(str(part) for part in first.get("loc", ()))
        return answer(request, MalformedRequest(str(first.get("msg", "invalid")), where=where or None), 400)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            found: GatewayError = NotFound(
                f"no such path: {request.method} {request.url.path[:200]}", accepted=openapi.nearest(request.url.path)
            )
            return answer(request, found, 404)
        return answer(request, MalformedRequest(str(error.detail)), error.status_code)
