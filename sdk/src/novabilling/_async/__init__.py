"""The asynchronous client. The synchronous one is made from it: see tools/unasync.py."""
