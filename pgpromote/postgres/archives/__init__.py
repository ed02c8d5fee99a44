"""Archives: the content of a file, the selection that is restored, its origin, and its store."""
