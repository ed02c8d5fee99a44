"""Three schemas in the style of large real applications, filled with rows, with a history of changes."""
