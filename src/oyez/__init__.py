"""Oyez, a real-time activity network: one known address, and every activity reaches everyone connected.

This module holds the version; the package metadata reads it from here.
"""

__version__ = "0.1.0"
