"""Archives: what is in a file, what of it is restored, whose it is, and where it is kept."""
