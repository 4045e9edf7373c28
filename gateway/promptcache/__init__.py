"""Stable prefix and dynamic suffix of a request: what a provider's cache holds, and what may change behind it."""
