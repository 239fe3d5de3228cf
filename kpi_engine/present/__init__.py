"""Presenting answers: one module a format, and what formats for people share."""
