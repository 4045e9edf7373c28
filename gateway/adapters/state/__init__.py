"""Implementations of `ports.StateStore`: this process, a file, or a Redis. One test suite runs on all of them."""
