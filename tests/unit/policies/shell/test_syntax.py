from policies.shell.syntax import Text, text


def test_text_makes_a_word():
    assert text("a") == (Text("a"),)
    assert text("a", quoted=True) == (Text("a", True),)
