"""Rows: counted, hashed, compared with those that were dumped."""
