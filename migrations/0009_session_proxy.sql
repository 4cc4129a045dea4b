-- The proxy of a session, as a URL with its credentials, sealed for its row.
ALTER TABLE sessions ADD COLUMN proxy BLOB;
