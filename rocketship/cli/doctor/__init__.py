"""What `rocketship doctor` looks at: this machine, the way to the engine, and the engine."""
