import pytest

from tests.support.shell import effects


@pytest.mark.parametrize(
    "text",
    [
        "aws s3api delete-bucket --bucket b",
        "doctl compute droplet delete 1",
        "zzz purge",
        "zzz --purge",
        "zzz --delete-all x",
        "fly apps destroy x",
        "nats kv del a b",
        "zzz a remove-user b",
    ],
)
def test_words_that_destroy(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "zzz list",
        "zzz a b c d delete",
        "zzz --delete=false",
        "zzz --keep",
        "zzz -prune",
        "zzz deleted.txt",
        "aws s3api list-buckets",
    ],
)
def test_words_that_do_not(text):
    assert "destructive" not in effects(text)
