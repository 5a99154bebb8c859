"""What `rocketship run` shows: consumers of events, one per way of showing them."""
