"""A sample API and suites that test it, for `rocketship demo` and for our own tests."""

from pathlib import Path

#: The folder of the example suites; each takes the API's address from the variable `base_url`.
SUITES = Path(__file__).parent / "suites"
