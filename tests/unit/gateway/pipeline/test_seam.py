"""What a second model repeats of the first one's text is taken out; nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pipeline.seam import Seam


def heard(said, pieces, *, continued=False):
    seam = Seam(said, continued=continued)
    return "".join([*map(seam.feed, pieces), seam.close()])


@pytest.mark.parametrize(
    ("said", "more", "new"),
    [
        ("The lever moves", " the bolt.", " the bolt."),
        ("The lever moves the bo", "lever moves the bolt.", "lt."),
        ("The lever moves", "The lever moves the bolt.", " the bolt."),
        ("The lever moves the bolt.", "The lever moves the bolt.", ""),
        ("    return x\n    }\n", "    }\n}", "    }\n}"),
        ("and so", "so and so", "so and so"),
        ("A text that ends so", "", ""),
        ("Hello ", " world", "world"),
        ("Hello", " world", " world"),
        ("line\n", "\nnext", "next"),
        ("line\n\n", "\nnext", "next"),
        ("The lever moves", "The lever breaks", "The lever breaks"),
        ("größe der Schrift ist ä", "Schrift ist ähnlich", "hnlich"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_cases(said, more, new, size):
    assert heard(said, [more[i : i + size] for i in range(0, len(more), size)]) == new


@pytest.mark.parametrize(
    ("said", "more", "new"),
    [
        ("x = [\n    1,\n    2, ", "3]", "3]"),
        ("x = [\n    1,\n", "    1,\n]", "    1,\n]"),
        ("Hello ", " world", "world"),
        ("A long enough sentence.", "A long enough sentence. Again", "A long enough sentence. Again"),
    ],
)
def test_a_prefix_that_was_continued_repeats_nothing_but_white_space(said, more, new):
    """A model that is made to go on writes what comes next, and code repeats itself."""
    assert heard(said, [more], continued=True) == new
    assert heard(said, list(more), continued=True) == new


def test_nothing_is_held_back_longer_than_it_may_be_a_repetition():
    seam = Seam("The lever moves the bolt and ", continued=False)
    assert seam.feed("the") == ""
    assert seam.feed("n the") == "then the"
    assert seam.feed(" bolt and ") == " bolt and "


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=8), st.booleans())
def test_what_is_heard_is_the_end_of_what_was_said_next(said, pieces, continued):
    whole = "".join(pieces)
    found = heard(said, pieces, continued=continued)
    assert whole.endswith(found)
    taken = whole[: len(whole) - len(found)]
    assert said.endswith(taken) or said == taken or not taken.strip()


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 7))
def test_any_chunking_says_the_same(said, more, size):
    whole = heard(said, [more])
    assert heard(said, [more[i : i + size] for i in range(0, len(more), size)]) == whole
