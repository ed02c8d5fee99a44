"""What prod would lose by a promotion, and whether dev lost something itself."""
