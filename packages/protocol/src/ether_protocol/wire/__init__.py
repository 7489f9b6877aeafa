"""Every byte of the protocol: numbers, headers, bodies, errors and addresses.

Rule: no I/O, no clock, no stream.  Of a connection only `framing` remembers
anything: what it needs to read the next header.
"""
