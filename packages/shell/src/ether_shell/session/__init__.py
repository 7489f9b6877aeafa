"""What commands work with: the connection, what is known about the server, files, snapshots.

Rule: state and I/O on behalf of commands; nothing here knows a command or writes to a stream.
"""
