"""Load tests on loopback: what a request and a streamed event cost in Interlock, beside nginx, LiteLLM and Portkey.

`python -m loadtests quick` measures in under a minute, `python -m loadtests full` everything. The mock upstream and the load
generator are native (loadtests/native), so that neither is the bottleneck; the rest is Python's standard library.
"""
