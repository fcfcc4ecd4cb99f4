"""Hypothesis profiles: `default` is the same every time, `fuzz` looks for what is new.

HYPOTHESIS_PROFILE chooses. A long version of a property test carries the mark `fuzz` and asks
for no number of examples of its own.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, derandomize=True, max_examples=60)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
