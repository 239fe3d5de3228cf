"""The only code that calls NumPy and pyarrow's aggregate, division and temporal kernels."""
