CREATE TABLE motion_ledger (
    version INTEGER NOT NULL
);
CREATE TABLE motion_items (
    id BIGSERIAL NOT NULL,
    batch TEXT NOT NULL,
    "key" TEXT NOT NULL,
    parent TEXT,
    request TEXT NOT NULL,
    metadata TEXT,
    planned_at TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT,
    claim TEXT,
    intent_at TEXT,
    taken_at TEXT,
    job_id TEXT,
    status TEXT,
    job_state TEXT,
    error TEXT,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT motion_items_batch_key UNIQUE (batch, "key")
);
CREATE TABLE motion_history (
    id BIGSERIAL NOT NULL,
    item BIGINT NOT NULL,
    op TEXT NOT NULL,
    at TEXT NOT NULL,
    state TEXT,
    status TEXT,
    job_id TEXT,
    detail TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(item) REFERENCES motion_items (id),
    UNIQUE (op)
);
CREATE INDEX motion_items_state ON motion_items (state, id, batch);
CREATE INDEX ix_motion_history_item ON motion_history (item);
