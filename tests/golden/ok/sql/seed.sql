-- The crew; a semicolon in a text or a trigger ends nothing.
CREATE TABLE crew (id INTEGER PRIMARY KEY, name TEXT, note TEXT);
CREATE TABLE log (line TEXT);
CREATE TRIGGER boarded AFTER INSERT ON crew BEGIN
  INSERT INTO log VALUES (new.name || ' boarded; ' || new.note);
END;
INSERT INTO crew (name, note) VALUES ('Ada', 'pilot; engineer'), ('Grace', NULL);
