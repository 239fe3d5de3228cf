"""Everything that a plugin may import: records, protocols and hooks."""
