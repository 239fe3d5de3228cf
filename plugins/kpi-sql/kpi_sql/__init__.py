"""PostgreSQL, SQLite and DuckDB as connections of kpi-engine."""
