"""Candidates to ordered plan: what a request is (call, task), which route it matches, which models may serve it."""
