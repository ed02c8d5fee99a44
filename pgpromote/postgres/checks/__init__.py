"""Checks before prod is touched: the facts read from both servers, and the rules over them."""
