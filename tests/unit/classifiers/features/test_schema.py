from classifiers.features import schema


def test_names_are_unique_and_few():
    assert len(set(schema.TRAJECTORY)) == len(schema.TRAJECTORY) < 64


def test_nothing_that_says_who_asks_is_a_feature():
    for name in schema.TRAJECTORY:
        assert not any(word in name for word in ("system", "tools", "length", "chars", "tokens", "harness", "messages"))


def test_the_hash_is_this_one_until_a_version_is_raised():
    """A change of features without a new hash would let a model of other features run."""
    assert schema.schema_hash() == schema.schema_hash()
    assert len(schema.schema_hash()) == 64
    assert schema.schema_hash().startswith(PINNED), "features changed: raise a version, pin the new hash, train again"


PINNED = "084ca82b8cf00891"
