from classifiers.features.approve.calls import Call, Part, Spot
from classifiers.training.approve.generate import Case, RawCall
from classifiers.training.approve.rows import rows_of

LS, RM, SECRET = RawCall("Bash", "ls"), RawCall("Bash", "rm"), RawCall("Bash", "?")


def read(raw, tainted):
    if raw == SECRET:
        return None
    if raw == RM:
        return Call("shell", parts=(Part("rm"),), writes=(Spot("a", "in"),), effects=("destructive",), tainted=tainted)
    return Call("shell", parts=(Part("ls"),), tainted=tainted)


def case(call, wanted=False, foreign=False, before=(), asks=("delete a",)):
    return Case(asks, before, call, wanted, False, "t", "t.0", foreign)


def test_what_cannot_be_read_is_no_row():
    found = rows_of([case(SECRET), case(RM)], read)
    assert (len(found), found.skipped) == (1, {"t": 1})


def test_what_serves_another_ask_counts_only_where_it_harms():
    assert len(rows_of([case(LS, foreign=True)], read)) == 0
    assert len(rows_of([case(RM, foreign=True)], read)) == 1


def test_the_past_goes_in():
    plain, known = rows_of([case(RM), case(RM, before=((RM, True),))], read).rows
    assert plain.vector != known.vector


def test_what_the_human_ruled_out_is_marked():
    (row,) = rows_of([case(RM, asks=("never delete anything",))], read).rows
    assert row.barred


def test_the_digest_is_of_all_of_it(rows):
    assert rows.sha256() == rows.only(lambda row: True).sha256()
    assert rows.sha256() != rows.only(lambda row: row.wanted).sha256()
    assert rows.dense.shape[0] == len(rows) == len(rows.wanted) == len(rows.sources)
