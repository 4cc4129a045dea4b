-- Every message, in both directions, and what became of it. Times are Unix milliseconds.

-- seq is the log's cursor: one writer commits in this order, so no row ever appears behind a cursor that was handed out.
-- wire is the encoded wa.Message: what is sent again after a restart, or what arrived, with nothing lost.
-- An accepted message is one INSERT: its time of acceptance is created_ms, its further way stands in timeline.
CREATE TABLE messages (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL REFERENCES sessions (session_id),
  direction  TEXT NOT NULL CHECK (direction IN ('outbound', 'inbound')),
  chat       TEXT NOT NULL,
  sender     TEXT NOT NULL,
  sender_alt TEXT,
  stanza_id  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  content    TEXT NOT NULL,
  wire       BLOB NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('accepted', 'failed', 'sent', 'delivered', 'read', 'played', 'received')),
  push_name  TEXT,
  client_ref TEXT,
  fail_code  TEXT,
  fail_text  TEXT,
  created_ms INTEGER NOT NULL,
  CHECK ((status = 'received') = (direction = 'inbound')),
  CHECK ((fail_code IS NULL) = (fail_text IS NULL))
) STRICT;

-- What makes a message the same message. The stanza id comes first: acknowledgements and receipts name little else.
CREATE UNIQUE INDEX messages_identity ON messages (stanza_id, session_id, chat, sender);

-- The outbox: what WhatsApp has not acknowledged yet.
CREATE INDEX messages_outbox ON messages (session_id) WHERE status = 'accepted';

-- The log by session and by chat; entries of one key lie in the order of seq.
CREATE INDEX messages_by_session ON messages (session_id);
CREATE INDEX messages_by_chat ON messages (chat);

-- What was reported after acceptance: by WhatsApp's server (recipient '') or by a recipient. Each report counts once.
CREATE TABLE timeline (
  seq       INTEGER NOT NULL REFERENCES messages (seq),
  recipient TEXT NOT NULL,
  status    TEXT NOT NULL CHECK (status IN ('failed', 'sent', 'delivered', 'read', 'played')),
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (seq, recipient, status)
) STRICT, WITHOUT ROWID;
