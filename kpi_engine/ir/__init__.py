"""The forms that the stages hand on: frozen data, no decisions, no input or output."""
