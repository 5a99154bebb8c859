"""The requests to an issuer of tokens by which logins begin, go on and end."""
