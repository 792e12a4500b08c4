-- What the gate found between two programs. Ratios between equal code are a benchmark's null history: its noise is
-- learnt from them.

CREATE TABLE gate (
    id      INTEGER PRIMARY KEY,
    began   TEXT NOT NULL CHECK (began GLOB '[0-9]???-??-??T??:??:??Z'),
    machine INTEGER NOT NULL REFERENCES machine,
    base    INTEGER NOT NULL REFERENCES program,
    head    INTEGER NOT NULL REFERENCES program,
    device  TEXT NOT NULL,
    threads INTEGER NOT NULL,
    rounds  INTEGER NOT NULL CHECK (rounds > 0),
    outcome TEXT NOT NULL
) STRICT;

CREATE TABLE ratio (
    gate      INTEGER NOT NULL REFERENCES gate ON DELETE CASCADE,
    name      TEXT NOT NULL,
    ratio     REAL NOT NULL CHECK (ratio > 0), -- time of head by time of base
    low       REAL NOT NULL,
    high      REAL NOT NULL,
    p         REAL NOT NULL CHECK (p >= 0 AND p <= 1),
    same_code INTEGER NOT NULL CHECK (same_code IN (0, 1)),
    verdict   TEXT NOT NULL,
    PRIMARY KEY (gate, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX ratio_null ON ratio (name, gate) WHERE same_code = 1;
