-- The child has the key, the parent only the serial: the parent is read, and with it the child.
-- plan: bump public.parent.id 1 -> 91
-- then: INSERT INTO child DEFAULT VALUES RETURNING id => 91
CREATE TABLE parent (id serial);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO child VALUES (90);
