"""The interpreter: walks one unit of a plan, and sees the outside world through a small port."""
