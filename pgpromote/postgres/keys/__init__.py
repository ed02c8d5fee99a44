"""Keys of tables: sequences, identities, and their repair."""
