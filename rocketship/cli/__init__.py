"""The command line: parses, calls the engine client, and shows what came back."""
