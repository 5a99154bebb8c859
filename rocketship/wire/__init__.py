"""The engine's API on the wire: messages to and from the domain, errors to and from statuses."""
