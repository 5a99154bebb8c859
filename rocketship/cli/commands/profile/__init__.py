"""The commands of `rocketship profile`."""
