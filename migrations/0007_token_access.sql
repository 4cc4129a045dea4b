-- What each token allows. Until now every token allowed everything.

-- scopes: a list of words. sessions: the ids that it is limited to; NULL is every session. issued_by: the token that was shown for
-- it; NULL for one that was made with the operator's key or on the machine itself.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]' CHECK (json_type(scopes) = 'array');
ALTER TABLE tokens ADD COLUMN sessions TEXT CHECK (sessions IS NULL OR json_type(sessions) = 'array');
ALTER TABLE tokens ADD COLUMN issued_by TEXT;

UPDATE tokens SET scopes =
  '["sessions:read","sessions:write","messages:send","messages:read","webhooks","plugins","admin"]';
