"""Settings from ROCKETSHIP_* variables, one file for each part that reads them."""
