-- What plugins keep between requests: small JSON texts, each plugin's own.
CREATE TABLE plugin_records (
  plugin_id  TEXT NOT NULL,
  collection TEXT NOT NULL,
  key        TEXT NOT NULL,
  value      TEXT NOT NULL,
  PRIMARY KEY (plugin_id, collection, key)
) STRICT, WITHOUT ROWID;

-- How much that is, so that no plugin needs to be counted before it may write.
CREATE TABLE plugin_record_sums (
  plugin_id TEXT NOT NULL PRIMARY KEY,
  entries   INTEGER NOT NULL,
  bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
