"""Looking at data and definitions from above: what is odd about the rows, a first project for them, what changed.

Stands above the pipeline: it reads rows and asks questions through the same stages as an answer.
"""
