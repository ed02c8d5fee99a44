"""One run of a promotion: its steps in their order, what a person chose for it, and its state."""
