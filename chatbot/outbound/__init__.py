"""Guarded outgoing HTTP, for addresses that people have given us.

A host is looked up by us, every address it has must be on the public internet (or be allowed by
OUTBOUND_PRIVATE_HOSTS), and the connection goes to what was checked. Redirects are checked again.

Nothing is imported here: the form of an address (`urls`) is checked where no HTTP client is
installed.
"""
