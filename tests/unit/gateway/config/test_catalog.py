"""Cards are found by exact upstream id."""

from gateway.config.catalog import CardFacts, ProviderFacts


def test_card():
    card = CardFacts(id="m-1", lane="mid", context_tokens=1000, max_output_tokens=100)
    facts = ProviderFacts(name="p", title="P", dialects=("chat",), base_url=None, cards=(card,))
    assert facts.card("m-1") is card
    assert facts.card("m") is None
