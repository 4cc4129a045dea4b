-- The number of the phone on which a pairing code is to be typed: what a session that is linked this way needs to go on after a
-- restart, and to be linked again.
ALTER TABLE sessions ADD COLUMN phone_number TEXT CHECK (phone_number IS NULL OR method = 'phone');
