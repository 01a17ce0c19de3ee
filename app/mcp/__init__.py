"""Cairn for assistants, over the Model Context Protocol (revisions 2024-11-05 to 2026-07-28, by the official SDK).

Its tools ask the HTTP API as the caller, through the same client as everybody else: what a key may see, how often it may ask and
what is put on the record is decided there, once.
"""
