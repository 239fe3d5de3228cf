"""Connectors that ship inside: files of several formats, and tables that are already in memory."""
