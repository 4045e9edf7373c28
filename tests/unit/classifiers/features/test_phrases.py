"""Consent and complaint in many languages, and what only looks like them."""

import pytest

from classifiers.features.phrases import RESUMED, consents, corrects

CONSENT = {
    "en": ["yes", "Yes, go ahead.", "continue", "go on", "ok do it", "sounds good, proceed", "LGTM", "y", "1", "option 2",
           "keep going", "please continue with the plan", "okay, looks good to me", "proceed as you suggested", "👍"],
    "de": ["ja, mach weiter", "Ja bitte", "weiter so", "ok, los"],
    "fr": ["oui, vas-y", "d'accord, continue", "D’accord"],
    "es": ["sí, adelante", "dale, hazlo"],
    "pt": ["sim, pode continuar"],
    "it": ["sì, va bene, procedi"],
    "nl": ["ja graag, ga verder"],
    "pl": ["tak, kontynuuj"],
    "tr": ["evet, devam et"],
    "ru": ["да, продолжай", "давай"],
    "zh": ["好的，继续", "可以，开始吧", "好", "继续"],
    "ja": ["はい、お願いします", "続けてください"],
    "ko": ["네, 계속해줘", "계속 진행해줘"],
    "hi": ["haan theek hai", "हाँ, जारी रखो"],
    "ar": ["نعم، استمر"],
}  # fmt: skip
ASKS = [
    "yes, but with Postgres",
    "continue the migration of module X",
    "fix it",
    "do the tests pass?",
    "ok now add docs",
    "go with rust instead",
    "why?",
    "修复这个bug",
    "ja, aber ohne Tests",
    "good catch, also rename foo",
    "next, add a test",
    "please",  # says nothing by itself, yet is no work either
    "yes " * 40,
]
COMPLAINTS = {
    "en": ["still broken", "It still fails with the same error", "that's wrong", "doesn't work", "that didn't fix it",
           "you broke the build", "revert that", "No, that is not what I asked for"],
    "de": ["immer noch kaputt", "das geht so nicht", "funktioniert immer noch nicht", "derselbe Fehler"],
    "fr": ["ça ne marche toujours pas", "c'est faux"],
    "es": ["sigue fallando", "no funciona", "el mismo error"],
    "pt": ["ainda não funciona"],
    "it": ["non funziona ancora"],
    "pl": ["nadal nie działa"],
    "tr": ["hâlâ çalışmıyor"],
    "ru": ["всё ещё не работает", "опять ошибка"],
    "zh": ["还是不行", "仍然报错"],
    "ja": ["まだ動かない"],
    "ko": ["여전히 안 돼"],
}  # fmt: skip
NO_COMPLAINTS = [
    "add a retry to the client",
    "rename foo to bar everywhere",
    "warum ist das so?",
    "a new test file for utils",
    "implement the same endpoint for users",
    "handle the error in parse()",
]


def test_consent_is_told_in_at_least_twelve_languages():
    missed = [said for texts in CONSENT.values() for said in texts if not consents(said)]
    assert not missed
    assert len(CONSENT) >= 12


@pytest.mark.parametrize("said", [ask for ask in ASKS if ask != "please"])
def test_what_says_more_is_no_consent(said):
    assert not consents(said)


def test_complaints_are_told():
    assert not [said for texts in COMPLAINTS.values() for said in texts if not corrects(said)]


@pytest.mark.parametrize("said", NO_COMPLAINTS)
def test_ordinary_asks_are_no_complaints(said):
    assert not corrects(said)


def test_words_of_a_harness_in_the_humans_name():
    assert RESUMED.match("What did we do so far?")
    assert RESUMED.match("Continue if you have next steps, or stop and ask for clarification.")
    assert not RESUMED.match("continue with the parser")
