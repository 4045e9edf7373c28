"""Request classifiers, usable without the gateway."""
