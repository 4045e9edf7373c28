from classifiers.features.turns import Conversation, Turn, ends


def test_the_ends_of_a_long_text_are_kept():
    assert ends("short", 10) == "short"
    cut = ends("a" * 50 + "b" * 50, 20)
    assert cut == "a" * 10 + "\n" + "b" * 10


def test_a_conversation_has_no_place_for_a_system_text():
    names = set(Turn.__struct_fields__) | set(Conversation.__dataclass_fields__)
    assert not {name for name in names if "system" in name or "count" in name or "length" in name}
    assert Turn("human").text == ""
