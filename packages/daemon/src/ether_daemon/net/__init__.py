"""Sockets: bytes to requests, replies to bytes.

Rule: nothing here knows what a request means.
"""
