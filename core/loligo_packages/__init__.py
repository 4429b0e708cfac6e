"""Python packages that tentacles bring with them: what one has, and how its code comes to import from it."""
