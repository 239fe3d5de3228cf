"""The demo's KPIs, checked row by row against SQL that shares nothing with the engine."""
