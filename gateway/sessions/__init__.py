"""Conversations: who they are, what is remembered of them, and which vendor minted their reasoning."""
