-- An identity does not reach inheriting tables. A serial does, and then the ids of all of them count.
-- skip: public.animals.id inheritance
-- skip: public.birds.id inheritance
-- plan: bump public.parent.id 1 -> 91
-- then: INSERT INTO child DEFAULT VALUES RETURNING id => 91
-- then: INSERT INTO parent DEFAULT VALUES RETURNING id => 92
CREATE TABLE animals (id integer PRIMARY KEY);
CREATE TABLE birds (PRIMARY KEY (id)) INHERITS (animals);
CREATE TABLE parent (id serial PRIMARY KEY);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent VALUES (40);
INSERT INTO child VALUES (90);
