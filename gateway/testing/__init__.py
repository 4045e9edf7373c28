"""Fakes that we ship and use: a scripted model, clocks, randomness, a ledger in memory."""
