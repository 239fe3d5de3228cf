"""What projects and plugins test themselves with: case files and their runner."""
