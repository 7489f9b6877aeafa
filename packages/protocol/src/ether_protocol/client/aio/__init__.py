"""The client for asyncio programs.

Rule: nothing here blocks, or imports the blocking client.
"""
