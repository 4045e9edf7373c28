"""The stand is shared by all tests of this folder: starting it costs a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance.stand import Stand
from tests.conformance.talk import Talk


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("stand"))
    made.open()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def talk(stand: Stand) -> Callable[..., Talk]:
    """`talk(client, model, stream=...)`: a conversation in a session of its own."""

    def begin(client: Any, model: str, *, stream: bool, session: str | None = None, **more: Any) -> Talk:
        return Talk(stand.base, client, model, stream=stream, session=session or stand.session(), **more)

    return begin
