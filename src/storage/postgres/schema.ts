/**
 * The tables, and the functions that write to them. The only place that declares either.
 *
 * Every primary key begins with the space, and so does what every statement asks for: one space lies in one place (one shard of a
 * Citus cluster), and nothing of another is ever locked or read. `migrations` is the one exception: it is about the whole.
 *
 * Writes are functions for two reasons. Compare and write are one round trip, so that a head row is locked for the time of a commit
 * and never for that of a network or of a process that stands still. And Citus can run a function whole on the node that has its space,
 * where it can run no statement that inserts into several tables.
 */

/** Of what {@link migrations} make. */
export const SCHEMA_VERSION = 1

/** The tables that are sharded by `space`, all in one co-location group. */
export const TABLES = ['heads', 'records', 'meta', 'folds', 'states', 'catalogues', 'segments', 'rows', 'entries'] as const

/** What a function of the schema came to; `gone` where the database was destroyed since it was opened. */
export type WriteOutcome = 'done' | 'conflict' | 'stale' | 'gone'

const tables = `
CREATE TABLE outpost.heads (
  space text COLLATE "C" NOT NULL PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('log', 'rows')),
  incarnation uuid NOT NULL,
  record bigint NOT NULL DEFAULT 0,
  checkpoint text,
  shape text
) WITH (fillfactor = 50);

CREATE TABLE outpost.records (
  space text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (space, number)
);

CREATE TABLE outpost.meta (
  space text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (space, key)
);

CREATE TABLE outpost.folds (
  space text COLLATE "C" NOT NULL,
  fold bytea NOT NULL,
  checkpoint text NOT NULL,
  PRIMARY KEY (space, fold)
);

CREATE TABLE outpost.states (
  space text COLLATE "C" NOT NULL,
  fold bytea NOT NULL,
  key bytea NOT NULL,
  due_at double precision,
  value text NOT NULL,
  PRIMARY KEY (space, fold, key)
);
CREATE INDEX states_due ON outpost.states (space, fold, due_at, key) WHERE due_at IS NOT NULL;

CREATE TABLE outpost.catalogues (
  space text COLLATE "C" NOT NULL PRIMARY KEY,
  checkpoint text NOT NULL,
  value text NOT NULL
);

CREATE TABLE outpost.segments (
  space text COLLATE "C" NOT NULL,
  index bytea NOT NULL,
  run bigint NOT NULL,
  block bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (space, index, run, block)
);

CREATE TABLE outpost.rows (
  space text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (space, key)
);

CREATE TABLE outpost.entries (
  space text COLLATE "C" NOT NULL,
  index smallint NOT NULL,
  entry bytea NOT NULL,
  key bytea NOT NULL,
  PRIMARY KEY (space, index, entry, key)
);
CREATE INDEX entries_of_row ON outpost.entries (space, key);
`

/**
 * Locks: appends hold the head row against each other (FOR NO KEY UPDATE); the writes of what is derived from a log hold it only
 * against being destroyed (FOR KEY SHARE), so that no append waits for them, and one another by the rows of their own checkpoints.
 * Where two make such a row at once, the second is rolled back (serialization_failure) and done again.
 */
const functions = `
CREATE FUNCTION outpost.open(_space text, _kind text, _shape text, _incarnation uuid)
RETURNS TABLE (kind text, shape text, incarnation uuid) LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    RETURN QUERY SELECT h.kind, h.shape, h.incarnation FROM outpost.heads h WHERE h.space = _space;
    EXIT WHEN FOUND;
    INSERT INTO outpost.heads (space, kind, shape, incarnation) VALUES (_space, _kind, _shape, _incarnation) ON CONFLICT DO NOTHING;
  END LOOP;
END $$;

CREATE FUNCTION outpost.destroy(_space text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM outpost.heads WHERE space = _space;
  DELETE FROM outpost.records WHERE space = _space;
  DELETE FROM outpost.meta WHERE space = _space;
  DELETE FROM outpost.folds WHERE space = _space;
  DELETE FROM outpost.states WHERE space = _space;
  DELETE FROM outpost.catalogues WHERE space = _space;
  DELETE FROM outpost.segments WHERE space = _space;
  DELETE FROM outpost.rows WHERE space = _space;
  DELETE FROM outpost.entries WHERE space = _space;
END $$;

CREATE FUNCTION outpost.append(_space text, _incarnation uuid, _first bigint, _values text[],
  _put_keys bytea[], _put_values text[], _deleted_keys bytea[], _strict boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  _head bigint;
BEGIN
  SELECT record INTO _head FROM outpost.heads WHERE space = _space AND incarnation = _incarnation FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  IF _head <> _first - 1 THEN RETURN 'conflict'; END IF;
  IF _strict AND current_setting('synchronous_commit') = 'off' THEN PERFORM set_config('synchronous_commit', 'local', true); END IF;
  UPDATE outpost.heads SET record = _head + cardinality(_values) WHERE space = _space;
  INSERT INTO outpost.records (space, number, value)
    SELECT _space, _head + given.place, given.value FROM unnest(_values) WITH ORDINALITY AS given (value, place);
  IF cardinality(_put_keys) > 0 THEN
    INSERT INTO outpost.meta AS m (space, key, value)
      SELECT _space, given.key, given.value FROM unnest(_put_keys, _put_values) AS given (key, value)
      ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;
  END IF;
  IF cardinality(_deleted_keys) > 0 THEN
    DELETE FROM outpost.meta WHERE space = _space AND key = ANY (_deleted_keys);
  END IF;
  RETURN 'done';
END $$;

CREATE FUNCTION outpost.lock_meta(_space text, _incarnation uuid, _key bytea, _strict boolean)
RETURNS TABLE (value text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM outpost.heads h WHERE h.space = _space AND h.incarnation = _incarnation FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF _strict AND current_setting('synchronous_commit') = 'off' THEN PERFORM set_config('synchronous_commit', 'local', true); END IF;
  RETURN QUERY SELECT m.value FROM outpost.meta m WHERE m.space = _space AND m.key = _key;
  IF NOT FOUND THEN RETURN QUERY SELECT NULL::text; END IF;
END $$;

CREATE FUNCTION outpost.save_states(_space text, _incarnation uuid, _folds bytea[], _expected text[], _checkpoints text[],
  _removed_folds bytea[], _removed_keys bytea[], _put_folds bytea[], _put_keys bytea[], _put_due double precision[], _put_values text[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  _made bigint;
BEGIN
  PERFORM FROM outpost.heads WHERE space = _space AND incarnation = _incarnation FOR KEY SHARE;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  PERFORM FROM outpost.folds WHERE space = _space AND fold = ANY (_folds) ORDER BY fold FOR UPDATE;
  IF EXISTS (
    SELECT FROM unnest(_folds, _expected) AS given (fold, expected)
    LEFT JOIN outpost.folds f ON f.space = _space AND f.fold = given.fold
    WHERE f.checkpoint IS DISTINCT FROM given.expected
  ) THEN RETURN 'stale'; END IF;
  INSERT INTO outpost.folds (space, fold, checkpoint)
    SELECT _space, given.fold, given.checkpoint FROM unnest(_folds, _expected, _checkpoints) AS given (fold, expected, checkpoint)
    WHERE given.expected IS NULL ORDER BY given.fold ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS _made = ROW_COUNT;
  IF _made <> cardinality(array_positions(_expected, NULL)) THEN RAISE serialization_failure USING MESSAGE = 'a fold was saved first by another'; END IF;
  UPDATE outpost.folds f SET checkpoint = given.checkpoint FROM unnest(_folds, _checkpoints) AS given (fold, checkpoint)
    WHERE f.space = _space AND f.fold = given.fold;
  DELETE FROM outpost.states s USING unnest(_removed_folds, _removed_keys) AS given (fold, key)
    WHERE s.space = _space AND s.fold = given.fold AND s.key = given.key;
  INSERT INTO outpost.states (space, fold, key, due_at, value)
    SELECT _space, given.fold, given.key, given.due_at, given.value
    FROM unnest(_put_folds, _put_keys, _put_due, _put_values) AS given (fold, key, due_at, value)
    ON CONFLICT (space, fold, key) DO UPDATE SET due_at = excluded.due_at, value = excluded.value;
  RETURN 'done';
END $$;

CREATE FUNCTION outpost.drop_fold(_space text, _incarnation uuid, _fold bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM outpost.heads WHERE space = _space AND incarnation = _incarnation FOR KEY SHARE;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  DELETE FROM outpost.folds WHERE space = _space AND fold = _fold;
  DELETE FROM outpost.states WHERE space = _space AND fold = _fold;
  RETURN 'done';
END $$;

CREATE FUNCTION outpost.save_segments(_space text, _incarnation uuid, _expected text, _checkpoint text, _catalogue text,
  _removed_indexes bytea[], _removed_runs bigint[], _indexes bytea[], _runs bigint[], _blocks bigint[], _bytes bytea[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  _stored text;
BEGIN
  PERFORM FROM outpost.heads WHERE space = _space AND incarnation = _incarnation FOR KEY SHARE;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  SELECT checkpoint INTO _stored FROM outpost.catalogues WHERE space = _space FOR UPDATE;
  IF _stored IS DISTINCT FROM _expected THEN RETURN 'stale'; END IF;
  IF _expected IS NULL THEN
    INSERT INTO outpost.catalogues (space, checkpoint, value) VALUES (_space, _checkpoint, _catalogue) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RAISE serialization_failure USING MESSAGE = 'the catalogue was saved first by another'; END IF;
  ELSE
    UPDATE outpost.catalogues SET checkpoint = _checkpoint, value = _catalogue WHERE space = _space;
  END IF;
  DELETE FROM outpost.segments s USING unnest(_removed_indexes, _removed_runs) AS given (index, run)
    WHERE s.space = _space AND s.index = given.index AND s.run = given.run;
  INSERT INTO outpost.segments (space, index, run, block, bytes)
    SELECT _space, given.index, given.run, given.block, given.bytes
    FROM unnest(_indexes, _runs, _blocks, _bytes) AS given (index, run, block, bytes)
    ON CONFLICT (space, index, run, block) DO UPDATE SET bytes = excluded.bytes;
  RETURN 'done';
END $$;

CREATE FUNCTION outpost.save_rows(_space text, _incarnation uuid, _expected text, _checkpoint text, _removed_keys bytea[],
  _put_keys bytea[], _put_values text[], _entry_indexes smallint[], _entries bytea[], _entry_keys bytea[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  _stored text;
BEGIN
  SELECT checkpoint INTO _stored FROM outpost.heads WHERE space = _space AND incarnation = _incarnation FOR UPDATE;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  IF _stored IS DISTINCT FROM _expected THEN RETURN 'stale'; END IF;
  UPDATE outpost.heads SET checkpoint = _checkpoint WHERE space = _space;
  DELETE FROM outpost.rows WHERE space = _space AND key = ANY (_removed_keys);
  DELETE FROM outpost.entries WHERE space = _space AND key = ANY (_removed_keys);
  INSERT INTO outpost.rows (space, key, value)
    SELECT _space, given.key, given.value FROM unnest(_put_keys, _put_values) AS given (key, value)
    ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;
  DELETE FROM outpost.entries e WHERE e.space = _space AND e.key = ANY (_put_keys) AND NOT EXISTS (
    SELECT FROM unnest(_entry_indexes, _entries, _entry_keys) AS given (index, entry, key)
    WHERE given.index = e.index AND given.entry = e.entry AND given.key = e.key
  );
  INSERT INTO outpost.entries (space, index, entry, key)
    SELECT _space, given.index, given.entry, given.key
    FROM unnest(_entry_indexes, _entries, _entry_keys) AS given (index, entry, key)
    ON CONFLICT DO NOTHING;
  RETURN 'done';
END $$;

CREATE FUNCTION outpost.restored(_space text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE outpost.heads SET incarnation = gen_random_uuid() WHERE space = _space;
  UPDATE outpost.meta SET value = jsonb_set(value::jsonb, '{epoch}', to_jsonb(gen_random_uuid()::text))::text
    WHERE space = _space AND key = 'log'::bytea;
END $$;
`

/** The steps from one version to the next, each run once, in one transaction with the note that it was. */
export const migrations: readonly string[] = [tables + functions]
