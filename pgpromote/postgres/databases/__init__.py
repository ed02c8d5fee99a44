"""The databases beside prod, their marks and locks, and the exchange of one for another."""
