"""How well calls that a harness makes by itself are told from a human's: recall and false rate, on sets of our own and on
recordings."""
