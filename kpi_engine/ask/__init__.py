"""Questions of other forms than metrics by dimensions: those of case files, and for the values of dimensions."""
