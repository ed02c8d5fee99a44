"""How values look on a terminal, and how far a run is."""
