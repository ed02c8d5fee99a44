"""One run of a promotion: its steps in order, its options, and its state."""
