"""Coding agents: how each is recognised, how its own sub-calls look, how it is pointed at this gateway. One file each."""
