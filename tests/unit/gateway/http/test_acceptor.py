"""Without sockets: what is accepted, when it stops, and what happens when the system has nothing left."""

import asyncio

from gateway.http import acceptor
from gateway.http.acceptor import AT_ONCE, Acceptor


class Connection:
    def __init__(self):
        self.blocking, self.closed = True, False

    def setblocking(self, flag):
        self.blocking = flag

    def close(self):
        self.closed = True


class Listening:
    def __init__(self, waiting=0):
        self.waiting = [Connection() for _ in range(waiting)]
        self.error = None
        self.backlog = None
        self.number = 7

    def fileno(self):
        return self.number

    def setblocking(self, flag):
        assert not flag

    def listen(self, backlog):
        self.backlog = backlog

    def accept(self):
        if self.error is not None:
            raise self.error
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.pop(0), ("127.0.0.1", 1)


class Loop:
    """The running loop, but for sockets."""

    def __init__(self, refuse=False):
        self.readers, self.opened, self.later, self.refuse = {}, [], [], refuse
        self.create_task = asyncio.get_running_loop().create_task

    def add_reader(self, number, callback):
        self.readers[number] = callback

    def remove_reader(self, number):
        self.readers.pop(number, None)

    def call_later(self, seconds, callback):
        self.later.append((seconds, callback))

        class Handle:
            cancelled = False

            def cancel(self):
                self.cancelled = True

        return Handle()

    async def connect_accepted_socket(self, factory, connection):
        if self.refuse:
            raise ConnectionResetError
        self.opened.append((factory(), connection))


async def test_all_that_wait_are_taken_in_one_turn_up_to_the_bound():
    loop, listening = Loop(), Listening(AT_ONCE + 5)
    made = Acceptor(loop, listening, lambda: "protocol", 99)
    made.start()
    assert listening.backlog == 99
    loop.readers[7]()
    await made.wait_closed()
    assert len(loop.opened) == AT_ONCE
    assert all(protocol == "protocol" and not c.blocking for protocol, c in loop.opened)
    loop.readers[7]()
    await made.wait_closed()
    assert len(loop.opened) == AT_ONCE + 5


async def test_closed_takes_no_more():
    loop, listening = Loop(), Listening(1)
    made = Acceptor(loop, listening, lambda: None, 1)
    made.start()
    made.close()
    assert not loop.readers
    listening.number = -1  # the socket was closed meanwhile
    made.close()
    await made.wait_closed()


async def test_a_system_without_descriptors_is_given_time(caplog):
    loop, listening = Loop(), Listening(2)
    made = Acceptor(loop, listening, lambda: None, 1)
    made.start()
    ready, listening.error = loop.readers[7], OSError(24, "Too many open files")
    ready()
    assert not loop.readers, "a ready socket that cannot be accepted would spin the loop"
    assert "Too many open files" in caplog.text
    ((seconds, again),) = loop.later
    assert seconds == acceptor.PAUSE_S
    listening.error = None
    again()
    loop.readers[7]()
    await made.wait_closed()
    assert len(loop.opened) == 2


async def test_closed_while_it_pauses():
    loop, listening = Loop(), Listening()
    made = Acceptor(loop, listening, lambda: None, 1)
    made.start()
    listening.error = OSError(24, "full")
    loop.readers[7]()
    made.close()
    assert not loop.readers


async def test_a_connection_that_is_gone_is_closed():
    loop, listening = Loop(refuse=True), Listening(1)
    (connection,) = listening.waiting
    made = Acceptor(loop, listening, lambda: None, 1)
    made.start()
    loop.readers[7]()
    await made.wait_closed()
    assert connection.closed
