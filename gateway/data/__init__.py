"""Data files; see README.md here for their origin and licence."""
