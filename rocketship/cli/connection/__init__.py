"""Which engine a command connects to, and what that engine says about itself."""
