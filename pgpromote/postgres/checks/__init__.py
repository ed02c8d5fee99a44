"""Checks before prod is touched: what is read of both servers, and what that forbids."""
