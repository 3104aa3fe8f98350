-- What the second version left behind: a run that was told, one that was not, and one under way.
BEGIN TRANSACTION;
CREATE TABLE acknowledged (
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        reason text not null,
        author text not null,
        at text not null,
        until text,
        primary key (job, target, database, key)
    ) strict, without rowid;
CREATE TABLE announced (
        sink text not null,
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        at text not null,
        primary key (sink, job, target, database, key)
    ) strict, without rowid;
CREATE TABLE batches (
        id integer primary key autoincrement,
        run integer unique references runs (id) on delete set null,
        subject integer not null references subjects (id),
        at text not null
    , span integer not null default 0) strict;
CREATE TABLE cursors (
        job text not null,
        target text not null,
        slot text not null,
        digest text not null,
        first_seen text not null, retired text,
        primary key (job, target)
    ) strict, without rowid;
INSERT INTO "cursors" VALUES('j','t','2027-01-01T03:00:00.000000Z','d','2027-01-01T01:00:00.000000Z',NULL);
CREATE TABLE deliveries (
        seq integer primary key autoincrement,
        id text not null unique,
        report text not null references reports (id) on delete cascade,
        sink text not null,
        state text not null check (state in ('pending', 'done', 'failed')),
        attempts integer not null,
        next_try text,
        expires text,
        error text not null
    , "group" text not null default '') strict;
CREATE TABLE facts (
        name text not null primary key,
        value text not null
    ) strict, without rowid;
CREATE TABLE newest (
        job text not null,
        target text not null,
        run integer not null references runs (id),
        primary key (job, target)
    ) strict, without rowid;
INSERT INTO "newest" VALUES('j','t',2);
CREATE TABLE problems (
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        since text not null,
        seen text not null,
        count integer not null,
        opened text,
        message text not null,
        primary key (job, target, database, key)
    ) strict, without rowid;
CREATE TABLE reports (
        id text not null primary key,
        created text not null,
        data text not null
    ) strict;
INSERT INTO "reports" VALUES('g-1','2027-01-01T00:00:00.000000Z','{"report":{"id":"g-1","group":"g","title":"G","slot":"2027-01-01T00:00:00.000000Z","created":"2027-01-01T00:00:00.000000Z","results":[{"run":"r1","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T01:00:00.000000Z","started":"2027-01-01T01:00:00.000000Z","finished":"2027-01-01T01:00:02.000000Z","outcome":{"summary":"summary of r1","findings":[],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","held":false,"notes":[],"key":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}],"targets":[],"faults":[],"next_slot":null},"shared":[false]}');
CREATE TABLE results (
        run integer primary key references runs (id) on delete cascade,
        data text not null
    ) strict;
INSERT INTO "results" VALUES(1,'{"run":"r1","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T01:00:00.000000Z","started":"2027-01-01T01:00:00.000000Z","finished":"2027-01-01T01:00:02.000000Z","outcome":{"summary":"summary of r1","findings":[],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","held":false,"notes":[],"key":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}');
INSERT INTO "results" VALUES(2,'{"run":"r2","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T02:00:00.000000Z","started":"2027-01-01T02:00:00.000000Z","finished":"2027-01-01T02:00:02.000000Z","outcome":{"summary":"summary of r2","findings":[],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","held":false,"notes":[],"key":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}');
CREATE TABLE runs (
        id integer primary key autoincrement,
        run text unique,
        job text not null,
        kind text not null,
        "group" text not null,
        target text not null,
        slot text not null,
        attempt integer not null,
        tick text not null default '',
        status text not null check (status in ('running', 'done', 'interrupted', 'missed', 'skipped')),
        reason text not null default '',
        state text,
        summary text not null default '',
        started text,
        finished text,
        report text, slots integer not null default 1, since text,
        unique (job, target, slot, attempt)
    ) strict;
INSERT INTO "runs" VALUES(1,'r1','j','check','g','t','2027-01-01T01:00:00.000000Z',1,'tick','done','','ok','summary of r1','2027-01-01T01:00:00.000000Z','2027-01-01T01:00:02.000000Z','g-1',1,NULL);
INSERT INTO "runs" VALUES(2,'r2','j','check','g','t','2027-01-01T02:00:00.000000Z',1,'tick','done','','ok','summary of r2','2027-01-01T02:00:00.000000Z','2027-01-01T02:00:02.000000Z',NULL,1,NULL);
INSERT INTO "runs" VALUES(3,'r3','j','check','g','t','2027-01-01T03:00:00.000000Z',1,'tick','running','',NULL,'','2027-01-01T03:00:00.000000Z',NULL,NULL,1,NULL);
CREATE TABLE samples (
        batch integer not null,
        series integer not null,
        place integer not null,
        data text not null,
        primary key (batch, series, place)
    ) strict, without rowid;
CREATE TABLE series (
        id integer primary key,
        subject integer not null references subjects (id),
        database text not null,
        key text not null,
        last integer,
        unique (subject, database, key)
    ) strict;
CREATE TABLE silences (
        id text not null primary key,
        jobs text not null,
        targets text not null,
        keys text not null,
        reason text not null,
        author text not null,
        at text not null,
        until text not null
    ) strict, without rowid;
CREATE TABLE subjects (
        id integer primary key,
        job text not null,
        target text not null,
        unique (job, target)
    ) strict;
CREATE TABLE transitions (
        id integer primary key autoincrement,
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        before text not null,
        after text not null,
        change text not null,
        at text not null,
        since text not null,
        message text not null
    ) strict;
CREATE INDEX runs_slot on runs (slot);
CREATE INDEX runs_running on runs (id) where status = 'running';
CREATE INDEX runs_unreported on runs (id) where status = 'done' and report is null;
CREATE INDEX newest_run on newest (run);
CREATE INDEX batches_at on batches (subject, at);
CREATE INDEX series_gone on series (subject, last) where last is not null;
CREATE INDEX transitions_at on transitions (job, at);
CREATE INDEX deliveries_pending on deliveries (next_try) where state = 'pending';
CREATE INDEX deliveries_report on deliveries (report);
CREATE INDEX batches_span on batches (span, at);
CREATE INDEX runs_report on runs (report) where report is not null;
CREATE INDEX reports_created on reports (created);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',3);
COMMIT;
pragma application_id = 1381322322;
pragma user_version = 2;
