-- Until when WhatsApp has asked to be left alone by a session, with its last loss: a ban or a limit. Unix milliseconds. It need not
-- hold any more, and it is null once the session was READY since.
ALTER TABLE sessions ADD COLUMN wait_until_ms INTEGER;
