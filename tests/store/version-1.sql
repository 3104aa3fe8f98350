-- What the first version left behind: three runs, a problem, deliveries, a missed slot, a run under way.
pragma application_id = 1381322322;
pragma user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE batches (
        id integer primary key autoincrement,
        run integer unique references runs (id) on delete set null,
        subject integer not null references subjects (id),
        at text not null
    ) strict;
INSERT INTO "batches" VALUES(1,1,1,'2027-01-01T00:00:00.000000Z');
INSERT INTO "batches" VALUES(2,2,1,'2027-01-01T01:00:00.000000Z');
INSERT INTO "batches" VALUES(3,3,1,'2027-01-01T02:00:00.000000Z');
CREATE TABLE cursors (
        job text not null,
        target text not null,
        slot text not null,
        digest text not null,
        first_seen text not null,
        primary key (job, target)
    ) strict, without rowid;
INSERT INTO "cursors" VALUES('j','t','2027-01-01T04:00:00.000000Z','d','2027-01-01T00:00:00.000000Z');
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
    ) strict;
INSERT INTO "deliveries" VALUES(1,'g-20270101T000000Z-abcdef0123:log','g-20270101T000000Z-abcdef0123','log','done',1,NULL,'2027-01-02T00:00:00.000000Z','');
INSERT INTO "deliveries" VALUES(2,'g-20270101T000000Z-abcdef0123:pager','g-20270101T000000Z-abcdef0123','pager','pending',2,'2027-01-01T04:00:00.000000Z','2027-01-02T00:00:00.000000Z','no answer within 10 s');
INSERT INTO "deliveries" VALUES(3,'g-20270102T000000Z-abcdef0123:log','g-20270102T000000Z-abcdef0123','log','done',1,NULL,'2027-01-02T01:00:00.000000Z','');
INSERT INTO "deliveries" VALUES(4,'g-20270102T000000Z-abcdef0123:pager','g-20270102T000000Z-abcdef0123','pager','pending',0,'2027-01-01T01:00:00.000000Z','2027-01-02T01:00:00.000000Z','');
INSERT INTO "deliveries" VALUES(5,'g-20270103T000000Z-abcdef0123:log','g-20270103T000000Z-abcdef0123','log','done',1,NULL,'2027-01-02T02:00:00.000000Z','');
INSERT INTO "deliveries" VALUES(6,'g-20270103T000000Z-abcdef0123:pager','g-20270103T000000Z-abcdef0123','pager','pending',0,'2027-01-01T02:00:00.000000Z','2027-01-02T02:00:00.000000Z','');
CREATE TABLE facts (
        name text not null primary key,
        value text not null
    ) strict, without rowid;
INSERT INTO "facts" VALUES('tick','{"id":"tick","at":"2027-01-01T04:00:00.000000Z","counts":{"runs":1}}');
CREATE TABLE newest (
        job text not null,
        target text not null,
        run integer not null references runs (id),
        primary key (job, target)
    ) strict, without rowid;
INSERT INTO "newest" VALUES('j','t',3);
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
INSERT INTO "problems" VALUES('j','t','app','["public","orders"]','warning','2027-01-01T01:00:00.000000Z','2027-01-01T02:00:00.000000Z',2,'2027-01-01T01:00:00.000000Z','public.orders: 7 dead rows');
CREATE TABLE reports (
        id text not null primary key,
        created text not null,
        data text not null
    ) strict;
INSERT INTO "reports" VALUES('g-20270101T000000Z-abcdef0123','2027-01-01T00:00:00.000000Z','{"report":{"id":"g-20270101T000000Z-abcdef0123","group":"g","title":"G","slot":"2027-01-01T00:00:00.000000Z","created":"2027-01-01T00:00:00.000000Z","results":[{"run":"r0","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T00:00:00.000000Z","started":"2027-01-01T00:00:00.000000Z","finished":"2027-01-01T00:00:02.000000Z","outcome":{"summary":"summary of r0","findings":[],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}],"targets":[],"faults":[],"next_slot":null},"shared":[true]}');
INSERT INTO "reports" VALUES('g-20270102T000000Z-abcdef0123','2027-01-01T01:00:00.000000Z','{"report":{"id":"g-20270102T000000Z-abcdef0123","group":"g","title":"G","slot":"2027-01-01T01:00:00.000000Z","created":"2027-01-01T01:00:00.000000Z","results":[{"run":"r1","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T01:00:00.000000Z","started":"2027-01-01T01:00:00.000000Z","finished":"2027-01-01T01:00:02.000000Z","outcome":{"summary":"summary of r1","findings":[{"state":"warning","message":"m","series":{"database":"","key":[]},"reason":"","hint":"","pending":false,"since":null}],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[{"job":"j","target":"t","series":{"database":"app","key":["public","orders"]},"before":"ok","after":"warning","change":"opened","at":"2027-01-01T01:00:00.000000Z","since":"2027-01-01T01:00:00.000000Z","message":"public.orders: 7 dead rows"}],"hint":"","runbook":"","tags":[],"order":0}],"targets":[],"faults":[],"next_slot":null},"shared":[true]}');
INSERT INTO "reports" VALUES('g-20270103T000000Z-abcdef0123','2027-01-01T02:00:00.000000Z','{"report":{"id":"g-20270103T000000Z-abcdef0123","group":"g","title":"G","slot":"2027-01-01T02:00:00.000000Z","created":"2027-01-01T02:00:00.000000Z","results":[{"run":"r2","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T02:00:00.000000Z","started":"2027-01-01T02:00:00.000000Z","finished":"2027-01-01T02:00:02.000000Z","outcome":{"summary":"summary of r2","findings":[{"state":"warning","message":"m","series":{"database":"","key":[]},"reason":"","hint":"","pending":false,"since":null}],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}],"targets":[],"faults":[],"next_slot":null},"shared":[true]}');
CREATE TABLE results (
        run integer primary key references runs (id) on delete cascade,
        data text not null
    ) strict;
INSERT INTO "results" VALUES(1,'{"run":"r0","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T00:00:00.000000Z","started":"2027-01-01T00:00:00.000000Z","finished":"2027-01-01T00:00:02.000000Z","outcome":{"summary":"summary of r0","findings":[],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}');
INSERT INTO "results" VALUES(2,'{"run":"r1","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T01:00:00.000000Z","started":"2027-01-01T01:00:00.000000Z","finished":"2027-01-01T01:00:02.000000Z","outcome":{"summary":"summary of r1","findings":[{"state":"warning","message":"m","series":{"database":"","key":[]},"reason":"","hint":"","pending":false,"since":null}],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[{"job":"j","target":"t","series":{"database":"app","key":["public","orders"]},"before":"ok","after":"warning","change":"opened","at":"2027-01-01T01:00:00.000000Z","since":"2027-01-01T01:00:00.000000Z","message":"public.orders: 7 dead rows"}],"hint":"","runbook":"","tags":[],"order":0}');
INSERT INTO "results" VALUES(3,'{"run":"r2","job":"j","kind":"check","group":"g","title":"T","target":"t","slot":"2027-01-01T02:00:00.000000Z","started":"2027-01-01T02:00:00.000000Z","finished":"2027-01-01T02:00:02.000000Z","outcome":{"summary":"summary of r2","findings":[{"state":"warning","message":"m","series":{"database":"","key":[]},"reason":"","hint":"","pending":false,"since":null}],"observations":[],"columns":[],"tables":[],"trends":[],"looked":[""],"skipped":"","notes":[]},"transitions":[],"hint":"","runbook":"","tags":[],"order":0}');
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
        report text,
        unique (job, target, slot, attempt)
    ) strict;
INSERT INTO "runs" VALUES(1,'r0','j','check','g','t','2027-01-01T00:00:00.000000Z',1,'tick','done','','ok','summary of r0','2027-01-01T00:00:00.000000Z','2027-01-01T00:00:02.000000Z','g-20270101T000000Z-abcdef0123');
INSERT INTO "runs" VALUES(2,'r1','j','check','g','t','2027-01-01T01:00:00.000000Z',1,'tick','done','','warning','summary of r1','2027-01-01T01:00:00.000000Z','2027-01-01T01:00:02.000000Z','g-20270102T000000Z-abcdef0123');
INSERT INTO "runs" VALUES(3,'r2','j','check','g','t','2027-01-01T02:00:00.000000Z',1,'tick','done','','warning','summary of r2','2027-01-01T02:00:00.000000Z','2027-01-01T02:00:02.000000Z','g-20270103T000000Z-abcdef0123');
INSERT INTO "runs" VALUES(4,NULL,'j','check','g','t','2027-01-01T03:00:00.000000Z',0,'','missed','was due, and catch_up is off: missed',NULL,'',NULL,'2027-01-01T05:00:00.000000Z',NULL);
INSERT INTO "runs" VALUES(5,'r4','j','check','g','t','2027-01-01T04:00:00.000000Z',1,'tick','running','',NULL,'','2027-01-01T04:00:00.000000Z',NULL,NULL);
CREATE TABLE samples (
        batch integer not null,
        series integer not null,
        place integer not null,
        data text not null,
        primary key (batch, series, place)
    ) strict, without rowid;
INSERT INTO "samples" VALUES(1,1,0,'{"dead_rows":0,"size":1000}');
INSERT INTO "samples" VALUES(2,1,0,'{"dead_rows":7,"size":1001}');
INSERT INTO "samples" VALUES(3,1,0,'{"dead_rows":14,"size":1002}');
CREATE TABLE series (
        id integer primary key,
        subject integer not null references subjects (id),
        database text not null,
        key text not null,
        last integer,
        unique (subject, database, key)
    ) strict;
INSERT INTO "series" VALUES(1,1,'app','["public","orders"]',NULL);
CREATE TABLE subjects (
        id integer primary key,
        job text not null,
        target text not null,
        unique (job, target)
    ) strict;
INSERT INTO "subjects" VALUES(1,'j','t');
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
INSERT INTO "transitions" VALUES(1,'j','t','app','["public","orders"]','ok','warning','opened','2027-01-01T01:00:00.000000Z','2027-01-01T01:00:00.000000Z','public.orders: 7 dead rows');
CREATE INDEX runs_slot on runs (slot);
CREATE INDEX runs_running on runs (id) where status = 'running';
CREATE INDEX runs_unreported on runs (id) where status = 'done' and report is null;
CREATE INDEX newest_run on newest (run);
CREATE INDEX batches_at on batches (subject, at);
CREATE INDEX series_gone on series (subject, last) where last is not null;
CREATE INDEX transitions_at on transitions (job, at);
CREATE INDEX deliveries_pending on deliveries (next_try) where state = 'pending';
CREATE INDEX deliveries_report on deliveries (report);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',5);
INSERT INTO "sqlite_sequence" VALUES('batches',3);
INSERT INTO "sqlite_sequence" VALUES('deliveries',6);
INSERT INTO "sqlite_sequence" VALUES('transitions',1);
COMMIT;
