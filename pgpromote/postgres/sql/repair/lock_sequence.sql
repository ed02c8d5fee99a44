-- LOCK TABLE takes no sequences. Setting the increment it already has takes the lock that RESTART needs and
-- changes nothing, so that no nextval() comes between reading where the sequence stands and moving it.
ALTER SEQUENCE {sequence} INCREMENT BY {increment}
