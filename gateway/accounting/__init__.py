"""Usage to money to ledger row. Pure: prices are values, time is an argument."""
