import msgspec
import pytest

from gateway.dialects._messages_json import edit_array, elements, first_byte, given, raws
from gateway.errors import MalformedRequest

ARRAY = b'[ {"a":[1, 2]} ,"x,]",\n 3 ]'


def test_elements_are_found_with_their_bytes():
    assert [ARRAY[a:b] for a, b in elements(ARRAY)] == [b'{"a":[1, 2]}', b'"x,]"', b"3"]
    assert elements(b"[]") == []


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        ({}, ARRAY),
        ({0: None}, b'[ "x,]",\n 3 ]'),
        ({1: None}, b'[ {"a":[1, 2]} ,\n 3 ]'.replace(b" ,\n 3", b",\n 3")),
        ({2: None}, b'[ {"a":[1, 2]} ,"x,]" ]'),
        ({1: b"null"}, b'[ {"a":[1, 2]} ,null,\n 3 ]'),
        ({0: None, 1: None, 2: None}, b"[  ]"),
    ],
)
def test_editing_one_element_leaves_the_others_as_they_are(edits, wanted):
    new = edit_array(ARRAY, edits)
    assert new == wanted
    msgspec.json.decode(new)


def test_raw_values_tell_absent_from_null():
    assert not given(msgspec.Raw(b""))
    assert not given(msgspec.Raw(b"null"))
    assert given(msgspec.Raw(b"true"))
    assert first_byte(b"") == 0


def test_a_wrong_array_names_its_path():
    with pytest.raises(MalformedRequest) as caught:
        raws(b'{"a":1}', "$.tools")
    assert caught.value.where == "$.tools"
