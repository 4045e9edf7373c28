from gateway.testing.chance import SeededRandom


def drawn(seed):
    random = SeededRandom(seed)
    return [random.uniform(), random.token(8), random.uniform(), random.token(4)]


def test_equal_seeds_give_equal_sequences():
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert SeededRandom(5).seed == 5


def test_the_shapes_of_the_port():
    random = SeededRandom()
    assert all(0 <= random.uniform() < 1 for _ in range(1000))
    assert len(random.token(12)) == 24
