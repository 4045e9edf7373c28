"""The path of one request: decode, identify, resolve session, classify, route, then hop by hop, then account."""
