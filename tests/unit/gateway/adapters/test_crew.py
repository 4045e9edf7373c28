"""Workers that read one another's counts."""

from gateway.adapters.board import Board
from gateway.adapters.crew import Crew, Snapshot


def test_one_reads_what_the_others_posted():
    board = Board(3)
    crews = [Crew(board, slot) for slot in range(3)]
    assert crews[0].others() == []
    assert crews[0].earlier() is None
    board.began(1)
    crews[1].post(Snapshot(in_flight=4, requests=[(("m", "mid", "r", "main", "ok"), 2)]))
    crews[2].post(Snapshot(in_flight=9))
    (first, alive), (second, gone) = crews[0].others()
    assert (first.in_flight, alive, second.in_flight, gone) == (4, True, 9, False)
    assert first.requests == [(("m", "mid", "r", "main", "ok"), 2)]
    assert [found.in_flight for found, _ in crews[1].others()] == [9]
    assert (crews[0].size, crews[0].alive, crews[0].restarts) == (3, 1, 0)


def test_a_worker_started_again_finds_what_was_counted_before():
    board = Board(1)
    Crew(board, 0).post(Snapshot(unpriced_calls=3))
    found = Crew(board, 0).earlier()
    assert found is not None
    assert found.unpriced_calls == 3


def test_too_much_to_share_is_said_once(caplog):
    crew = Crew(Board(1, side_bytes=200), 0)
    for _ in range(3):
        crew.post(Snapshot(tokens=[((f"model{n}", "input"), n) for n in range(100)]))
    assert caplog.text.count("too large to share") == 1
