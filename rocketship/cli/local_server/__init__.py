"""The server a person has running on this machine: who it is, how it starts and how it stops."""
