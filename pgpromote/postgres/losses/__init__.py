"""Losses: objects and rows that prod would lose by a promotion, or that dev has lost itself."""
