-- Tokens that were issued here or taken back. The tokens themselves are not stored: they are signed claims. Times are Unix seconds,
-- as in the claims.
CREATE TABLE tokens (
  token_id  TEXT NOT NULL PRIMARY KEY,
  subject   TEXT NOT NULL,
  issued_s  INTEGER NOT NULL,
  expires_s INTEGER NOT NULL CHECK (expires_s > issued_s),
  revoked_s INTEGER
) STRICT, WITHOUT ROWID;
