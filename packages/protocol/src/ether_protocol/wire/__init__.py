"""Every byte of the protocol: numbers, headers, bodies, errors and addresses.

Rule: nothing here opens a socket, reads a clock, or knows a connection.
"""
