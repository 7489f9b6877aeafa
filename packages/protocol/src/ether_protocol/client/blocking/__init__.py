"""The client for ordinary, blocking programs.

Rule: nothing here imports asyncio or the asyncio client.
"""
