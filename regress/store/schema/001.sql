-- Results of runs. Applied by store_open.c to a database of user_version 0, in one transaction.
-- A result that was timed always has the digest of its output; a sample belongs to such a result.

CREATE TABLE machine (
    id           INTEGER PRIMARY KEY,
    fingerprint  BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    processor    TEXT NOT NULL,
    architecture TEXT NOT NULL,
    processors   INTEGER NOT NULL CHECK (processors > 0),
    features     INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE program (
    id        INTEGER PRIMARY KEY,
    version   TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    compiler  TEXT NOT NULL,
    type      TEXT NOT NULL,
    flags     TEXT NOT NULL,
    code      BLOB NOT NULL CHECK (length(code) IN (0, 32)), -- of its executable segments; empty: unknown
    UNIQUE (version, commit_id, compiler, type, flags, code)
) STRICT;

CREATE TABLE run (
    id        INTEGER PRIMARY KEY,
    began     TEXT NOT NULL CHECK (began GLOB '[0-9]???-??-??T??:??:??Z'),
    machine   INTEGER NOT NULL REFERENCES machine,
    program   INTEGER NOT NULL REFERENCES program,
    command   TEXT NOT NULL CHECK (command IN ('bench', 'check')),
    arguments TEXT NOT NULL,
    system    TEXT NOT NULL,
    device    TEXT NOT NULL,
    profile   TEXT NOT NULL,
    threads   INTEGER NOT NULL
) STRICT;

CREATE TABLE benchmark (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL CHECK (name <> ''),
    settings   TEXT NOT NULL,
    model      TEXT NOT NULL,
    model_root BLOB NOT NULL CHECK (length(model_root) IN (0, 32)), -- empty: no model involved
    UNIQUE (name, settings, model, model_root)
) STRICT;

CREATE TABLE result (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    benchmark   INTEGER NOT NULL REFERENCES benchmark,
    kind        TEXT NOT NULL CHECK (kind IN ('time', 'verdict')),
    digest      BLOB NOT NULL CHECK (length(digest) = (kind = 'time') * 32),
    code        BLOB NOT NULL CHECK (length(code) IN (0, 32)), -- of what was measured; empty: unknown
    work        REAL NOT NULL CHECK (work >= 0),
    unit        TEXT NOT NULL,
    passed      INTEGER NOT NULL CHECK (passed >= 0),
    failed      INTEGER NOT NULL CHECK (failed >= 0),
    unsupported INTEGER NOT NULL CHECK (unsupported >= 0),
    UNIQUE (run, benchmark)
) STRICT;
CREATE INDEX result_benchmark ON result (benchmark, run);

CREATE TABLE kernel (
    result INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    name   TEXT NOT NULL,
    code   BLOB NOT NULL CHECK (length(code) IN (0, 32)),
    PRIMARY KEY (result, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample (
    result  INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    place   INTEGER NOT NULL CHECK (place >= 0), -- in the order of time
    seconds REAL NOT NULL CHECK (seconds > 0 AND seconds < 1e9),
    PRIMARY KEY (result, place)
) STRICT, WITHOUT ROWID;
