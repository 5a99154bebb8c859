"""The commands of `rocketship token`."""
