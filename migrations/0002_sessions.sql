-- Sessions and the numbers they were linked to. Times are Unix milliseconds.
--
-- A session's row outlives its link: a deleted session keeps its id, its mobid and its log.

-- mobid: our phone-number-id, minted once for each number and kept for ever, whichever session is linked to it.
CREATE TABLE numbers (
  number     TEXT NOT NULL PRIMARY KEY,
  mobid      TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- phase is what must survive a restart; what the socket does is never stored.
CREATE TABLE sessions (
  session_id   TEXT NOT NULL PRIMARY KEY,
  method       TEXT NOT NULL CHECK (method IN ('qr', 'phone')),
  phase        TEXT NOT NULL CHECK (phase IN ('registering', 'linked', 'logged_out', 'inactive')),
  name         TEXT,
  metadata     TEXT CHECK (metadata IS NULL OR json_type(metadata) = 'object'),
  number       TEXT REFERENCES numbers (number),
  lid          TEXT,
  push_name    TEXT,
  created_ms   INTEGER NOT NULL,
  linked_ms    INTEGER,
  last_seen_ms INTEGER,
  loss_reason  TEXT,
  loss_ms      INTEGER,
  CHECK (phase <> 'linked' OR (number IS NOT NULL AND linked_ms IS NOT NULL)),
  CHECK ((loss_reason IS NULL) = (loss_ms IS NULL))
) STRICT, WITHOUT ROWID;
