-- What the WhatsApp protocol keeps for each linked device: keys, ratchets, and what it has learned about its peers.
--
-- Every row belongs to one session. Key columns are plain, so that rows can be found; every `value` is sealed, bound to its table,
-- session and key. Values are rowid tables with a unique key: around one kilobyte a row, WITHOUT ROWID is several times slower.
-- Times are Unix seconds, as the protocol counts.

-- The device itself: its long-lived key pairs, identity and counters. One per session.
CREATE TABLE wa_device (
  id      INTEGER PRIMARY KEY,
  session TEXT NOT NULL UNIQUE,
  value   BLOB NOT NULL
) STRICT;

-- Signal: addresses are user@server for the primary device, user:device@server for the others.
CREATE TABLE wa_identity (
  session TEXT NOT NULL,
  address TEXT NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, address)
) STRICT;

CREATE TABLE wa_session (
  session TEXT NOT NULL,
  address TEXT NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, address)
) STRICT;

CREATE TABLE wa_sender_key (
  session TEXT NOT NULL,
  address TEXT NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, address)
) STRICT;

CREATE TABLE wa_pre_key (
  session  TEXT NOT NULL,
  id       INTEGER NOT NULL CHECK (id BETWEEN 0 AND 4294967295),
  uploaded INTEGER NOT NULL CHECK (uploaded IN (0, 1)),
  value    BLOB NOT NULL,
  UNIQUE (session, id)
) STRICT;

CREATE TABLE wa_signed_pre_key (
  session TEXT NOT NULL,
  id      INTEGER NOT NULL CHECK (id BETWEEN 0 AND 4294967295),
  value   BLOB NOT NULL,
  UNIQUE (session, id)
) STRICT;

-- The base key of a session at the time of a retry, to notice that a peer answers with the same broken session.
CREATE TABLE wa_base_key (
  session TEXT NOT NULL,
  address TEXT NOT NULL,
  message TEXT NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, address, message)
) STRICT;

-- App state. The greatest `stored` is the key stored last.
CREATE TABLE wa_app_key (
  stored  INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  id      BLOB NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, id)
) STRICT;

CREATE TABLE wa_app_version (
  session    TEXT NOT NULL,
  collection TEXT NOT NULL,
  value      BLOB NOT NULL,
  UNIQUE (session, collection)
) STRICT;

CREATE TABLE wa_app_mac (
  session    TEXT NOT NULL,
  collection TEXT NOT NULL,
  index_mac  BLOB NOT NULL,
  value      BLOB NOT NULL,
  UNIQUE (session, collection, index_mac)
) STRICT;

-- Which devices of a group already hold our sender key.
CREATE TABLE wa_sender_key_device (
  session    TEXT NOT NULL,
  group_jid  TEXT NOT NULL,
  device_jid TEXT NOT NULL,
  has_key    INTEGER NOT NULL CHECK (has_key IN (0, 1)),
  PRIMARY KEY (session, group_jid, device_jid)
) STRICT, WITHOUT ROWID;

CREATE INDEX wa_sender_key_device_by_device ON wa_sender_key_device (session, device_jid);

-- Which number stands behind a number-free address (LID). The greatest `learned` was written last.
CREATE TABLE wa_lid (
  learned      INTEGER PRIMARY KEY,
  session      TEXT NOT NULL,
  lid          TEXT NOT NULL,
  phone_number TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  source       TEXT NOT NULL,
  UNIQUE (session, lid)
) STRICT;

CREATE INDEX wa_lid_by_number ON wa_lid (session, phone_number, created_at);

-- The devices of a user, and what is known about a group: snapshots the protocol serialises itself.
CREATE TABLE wa_device_list (
  session TEXT NOT NULL,
  user    TEXT NOT NULL,
  value   BLOB NOT NULL,
  UNIQUE (session, user)
) STRICT;

CREATE TABLE wa_group (
  session   TEXT NOT NULL,
  group_jid TEXT NOT NULL,
  value     BLOB NOT NULL,
  UNIQUE (session, group_jid)
) STRICT;

-- Privacy tokens. A NULL value is a contact to whom we gave a token without having one from them.
CREATE TABLE wa_tc_token (
  session   TEXT NOT NULL,
  jid       TEXT NOT NULL,
  value     BLOB,
  token_at  INTEGER NOT NULL,
  sender_at INTEGER,
  UNIQUE (session, jid)
) STRICT;

-- Sent messages, kept for a while in case a recipient asks for them again.
CREATE TABLE wa_sent_message (
  session   TEXT NOT NULL,
  chat      TEXT NOT NULL,
  message   TEXT NOT NULL,
  value     BLOB NOT NULL,
  stored_at INTEGER NOT NULL,
  UNIQUE (session, chat, message)
) STRICT;

CREATE INDEX wa_sent_message_by_age ON wa_sent_message (session, stored_at);

-- Decrypted inbound messages between the advance of the ratchet and the commit of their event.
CREATE TABLE wa_pending_inbound (
  session   TEXT NOT NULL,
  chat      TEXT NOT NULL,
  sender    TEXT NOT NULL,
  message   TEXT NOT NULL,
  value     BLOB NOT NULL,
  stored_at INTEGER NOT NULL,
  UNIQUE (session, chat, sender, message)
) STRICT;

-- The secret inside a message, with which votes, edits and reactions to it are decrypted. expires_at 0: never.
CREATE TABLE wa_message_secret (
  session    TEXT NOT NULL,
  chat       TEXT NOT NULL,
  sender     TEXT NOT NULL,
  message    TEXT NOT NULL,
  value      BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  message_at INTEGER NOT NULL,
  UNIQUE (session, chat, sender, message)
) STRICT;

CREATE INDEX wa_message_secret_by_expiry ON wa_message_secret (session, expires_at);
