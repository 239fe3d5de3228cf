"""A first project for tables that nobody has described yet: `kpi init DIR --data DATA`."""
