"""A board that processes share: what is posted is read whole, and who lives is known."""

import os

from gateway.adapters.board import Board


def test_what_is_posted_last_is_read():
    board = Board(3)
    assert board.read(1) is None
    for data in (b"one", b"x" * 10_000, b"three"):
        assert board.post(1, data)
        assert board.read(1) == data
    assert board.read(0) is None
    assert board.read(2) is None


def test_what_is_too_large_leaves_what_was_there():
    board = Board(2, side_bytes=64)
    assert board.post(0, b"small")
    assert not board.post(0, b"x" * 57)
    assert board.post(1, b"y" * 56)
    assert (board.read(0), board.read(1)) == (b"small", b"y" * 56)


def test_a_writer_killed_in_the_middle_leaves_its_last_word():
    board = Board(1)
    board.post(0, b"whole")
    hidden = board._side(0, 1 - board._map[board._head(0)])
    board._map[hidden : hidden + 100] = b"\xff" * 100  # half a post, never turned
    assert board.read(0) == b"whole"


def test_a_checksum_that_fails_for_ever_is_no_answer():
    board = Board(1)
    board.post(0, b"whole")
    shown = board._side(0, board._map[board._head(0)])
    board._map[shown + 8] ^= 0xFF
    assert board.read(0) is None


def test_another_process_sees_it():
    board = Board(2)
    pid = os.fork()
    if pid == 0:
        board.post(1, b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.read(1) == b"from the child"


def test_who_lives_and_who_came_again():
    board = Board(2)
    assert not board.alive(0)
    board.began(0)
    board.began(1)
    assert (board.alive(0), board.alive(1), board.restarts()) == (True, True, 0)
    board.ended(1)
    assert (board.alive(0), board.alive(1)) == (True, False)
    board.began(1)
    board.ended(0)
    board.began(0)
    assert board.restarts() == 2
