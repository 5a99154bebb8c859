"""Where a run comes from: the repository of its suite, and the service that runs the command."""
