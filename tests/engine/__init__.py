"""Tests of the whole engine by its public API, against the reference interpreter and against itself."""
