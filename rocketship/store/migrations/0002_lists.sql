-- What a search for text looks in, in lower case, as writing runs keeps it from now on.
ALTER TABLE run ADD COLUMN searched text NOT NULL DEFAULT '';
UPDATE run SET searched = lower(concat_ws(
    chr(31), suite, file, branch, substring(context from '"commit": *"([^"\\]*)"'), message
));

-- There are far fewer names of suites than runs. By their hash, because names may be long.
CREATE TABLE suite_name (hash bigint PRIMARY KEY, folded text NOT NULL);
INSERT INTO suite_name
    SELECT hashtextextended(suite, 0), min(lower(suite)) FROM run GROUP BY 1 ON CONFLICT DO NOTHING;
CREATE INDEX run_by_suite ON run (hashtextextended(suite, 0), id);
