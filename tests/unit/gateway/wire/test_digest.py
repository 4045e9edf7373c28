"""Fed in slices or at once, a digest is the same."""

import hashlib

import pytest

from gateway.wire.digest import LONG_BYTES, SLICE_BYTES, feed


@pytest.mark.parametrize("size", [0, 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES, LONG_BYTES - 1, LONG_BYTES])
@pytest.mark.parametrize("made", [bytes, memoryview])
def test_the_digest_is_that_of_the_whole(size, made):
    data = bytes(n % 251 for n in range(size))
    fed = hashlib.sha256()
    feed(fed, made(data))
    assert fed.hexdigest() == hashlib.sha256(data).hexdigest()


def test_no_slice_is_large_enough_to_let_go_of_the_lock():
    class Sizes(list):
        def update(self, data):
            self.append(len(data))

    seen = Sizes()
    feed(seen, bytes(10_000))
    assert sum(seen) == 10_000
    assert max(seen) < 2048
