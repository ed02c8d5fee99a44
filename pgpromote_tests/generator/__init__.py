"""Random databases of all object kinds, promoted and compared by means that are not the product's.

    scripts.scripts() → Script → load.load() → promote.promote() → oracle.differences() → judge.Verdict

A script is a list of statements that a few makers wrote, one module for each group of object kinds. A maker
is optimistic: a statement that fails on dev is dropped, and the script that is kept is the one that loaded.
"""
