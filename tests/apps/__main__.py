"""`python -m tests.apps`: everything our tests talk to, for people to look at."""

from __future__ import annotations

import sys

from rocketship.demo.__main__ import main
from tests.apps.catalog import create_catalog

if __name__ == "__main__":
    sys.exit(main(create=create_catalog))
