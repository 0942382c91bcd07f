"""Bytes to arrays and back, per format; nothing else: no session, no HTTP status, no clock."""
