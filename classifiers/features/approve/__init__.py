"""What the auto-approval model may know: the human's own words, what the session did before, the pending call. Pure.

There is no field for assistant prose, tool output or free argument text, so none can be read by accident: text that a
stranger wrote reaches the model only as a fact of the call (a host, a path, a program).
"""
