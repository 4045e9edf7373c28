"""`pour` serves bodies that can hand bytes on by themselves and those that must be asked for each piece."""

from gateway.ports import PouredBody, pour


async def pieces(*given):
    for piece in given:
        yield piece


async def test_any_body_can_be_poured():
    got = []
    assert await pour(pieces(b"a", b"b"), lambda piece: not got.append(piece))
    assert got == [b"a", b"b"]


async def test_and_goes_on_where_it_was_stopped():
    body, got = pieces(b"a", b"b", b"c"), []

    def one(piece):
        got.append(piece)
        return len(got) != 1

    assert not await pour(body, one)
    assert await pour(body, one)
    assert got == [b"a", b"b", b"c"]


async def test_a_body_with_its_own_way_uses_it():
    class Own(PouredBody):
        async def pour(self, take):
            return take(b"own")

    assert await pour(Own(), lambda piece: piece == b"own")
