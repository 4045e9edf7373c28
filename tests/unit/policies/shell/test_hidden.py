import pytest

from policies.shell.hidden import hidden


@pytest.mark.parametrize(
    "text",
    [
        "a\u200bb",
        "a\u202eb",
        "a\u2066b",
        "a\x1b[0m",
        "a\x08b",
        "a\x7fb",
        "a\ufeffb",
        "\U000e0041",
        "a\rb",
        "a\u00a0b",
        "a\u3000b",
        "\ud800",
        "a\u00adb",
        "a\u200db",
    ],
)
def test_hidden_characters_are_named(text):
    assert "U+" in hidden(text) or "carriage" in hidden(text)


@pytest.mark.parametrize("text", ["ls\n\tx", "a\r\nb", "héllo 你好", "🚀 👩‍💻 ❤️", ""])
def test_what_can_be_seen_is_fine(text):
    assert hidden(text) == ""
