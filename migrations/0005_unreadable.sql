-- What the account's own phone sent and this device could not decrypt, and what a kill destroyed between two commits, until the phone
-- has told what it says. Of the key store: a row belongs to one session, and its value (where the message belongs) is sealed. Times are
-- Unix seconds.
CREATE TABLE wa_unreadable (
  session    TEXT NOT NULL,
  message    TEXT NOT NULL,
  value      BLOB NOT NULL,
  noticed_at INTEGER NOT NULL,
  UNIQUE (session, message)
) STRICT;
