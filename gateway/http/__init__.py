"""The HTTP edge: one thin ASGI app for inference, FastAPI behind it for everything that is not on the data path."""
