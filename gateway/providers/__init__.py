"""Upstream vendors and servers. One file per provider declares PROVIDER; `contract` says what that is."""
