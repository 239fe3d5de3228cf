"""What ships inside and registers as plugins do: functions, file connectors, output formats."""
