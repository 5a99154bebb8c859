"""The runtime inside this process: asyncio tasks and a journal, nothing else to install."""
