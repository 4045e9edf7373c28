"""What holds for all tests."""

from hypothesis import settings

# An example that takes 200 ms on a machine that is doing something else is no failure; whoever measures time says so.
settings.register_profile("interlock", settings(), deadline=None)
settings.load_profile("interlock")
