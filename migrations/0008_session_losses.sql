-- The last losses of a session's connection or link, the newest first: [{"at": <Unix ms>, "kind": "socket", "reason": "..."}, ...].
-- loss_reason and loss_ms held the last one alone. They stay empty: a column that a table's CHECK names cannot be dropped.
ALTER TABLE sessions ADD COLUMN losses TEXT NOT NULL DEFAULT '[]' CHECK (json_type(losses) = 'array');
UPDATE sessions
   SET losses = json_array(json_object('at', loss_ms, 'kind', 'unknown', 'reason', loss_reason)), loss_reason = NULL, loss_ms = NULL
 WHERE loss_ms IS NOT NULL;
