"""What row functions compute, imported when a function is first executed.

Each callable takes its arguments (arrays, or scalars for constants) and the context, and gives an array, or a scalar
where all arguments are scalars.
"""
