/* Opening a store: settings, migrations, errors, transactions. */
#include "base/mem.h"
#include "store/store_private.h"
#include <stdio.h>
#include <string.h>

enum {
    APPLICATION = 0x53744E61, /* application_id: "StNa" */
    BUSY_MILLISECONDS = 30000,
    BUSY_STEP = 5
};

sterna_status sterna_store_fail(sterna_store *store, int code, sterna_fault *fault)
{
    switch (code & 0xFF) {
    case SQLITE_NOMEM:
        return sterna_fail(fault, STERNA_MEMORY, "%.300s: out of memory", store->path);
    case SQLITE_FULL:
        return sterna_fail(fault, STERNA_FILE, "%.300s: the disk is full; nothing of this run was kept",
                           store->path);
    case SQLITE_BUSY:
        return sterna_fail(fault, STERNA_FILE, "%.300s: other programs kept it locked for %d s", store->path,
                           BUSY_MILLISECONDS / 1000);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return sterna_fail(fault, STERNA_FILE, "%.300s: not a store of results, or damaged: %s", store->path,
                           sqlite3_errmsg(store->db));
    default:
        return sterna_fail(fault, STERNA_FILE, "%.300s: %s (SQLite %d)", store->path,
                           store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code), code);
    }
}

sterna_status sterna_store_run(sterna_store *store, const char *sql, sterna_fault *fault)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? STERNA_OK : sterna_store_fail(store, code, fault);
}

sterna_status sterna_store_prepare(sterna_store *store, const char *sql, sqlite3_stmt **statement,
                                   sterna_fault *fault)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, statement, NULL);
    return code == SQLITE_OK ? STERNA_OK : sterna_store_fail(store, code, fault);
}

sterna_status sterna_store_step(sterna_store *store, sqlite3_stmt *statement, sterna_fault *fault)
{
    int code = sqlite3_step(statement);
    sterna_status status = STERNA_OK;
    if (code != SQLITE_DONE && code != SQLITE_ROW) status = sterna_store_fail(store, code, fault);
    sqlite3_reset(statement);
    return status;
}

sterna_status sterna_store_begin(sterna_store *store, sterna_fault *fault)
{
    return sterna_store_run(store, "BEGIN IMMEDIATE", fault);
}

sterna_status sterna_store_end(sterna_store *store, sterna_status status, sterna_fault *fault)
{
    if (status == STERNA_OK) status = sterna_store_run(store, "COMMIT", fault);
    /* Some failures have rolled back already; then there is nothing to do. */
    if (status != STERNA_OK && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* WAL is entered under a lock that the busy handler does not wait for. */
static sterna_status enter_wal(sterna_store *store, sterna_fault *fault)
{
    for (int waited = 0;; waited += BUSY_STEP) {
        int code = sqlite3_exec(store->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if (code == SQLITE_OK) return STERNA_OK;
        if ((code & 0xFF) != SQLITE_BUSY || waited >= BUSY_MILLISECONDS)
            return sterna_store_fail(store, code, fault);
        sqlite3_sleep(BUSY_STEP);
    }
}

static sterna_status pragma(sterna_store *store, const char *sql, int64_t *value, sterna_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    sterna_status status = sterna_store_prepare(store, sql, &statement, fault);
    if (status != STERNA_OK) return status;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else
        status = sterna_store_fail(store, code == SQLITE_DONE ? SQLITE_CORRUPT : code, fault);
    sqlite3_finalize(statement);
    return status;
}

/* What lies in the file: nothing at all yet, or a store of some version. Called within a transaction: another program
 * may be migrating it between two questions. */
static sterna_status ask_version(sterna_store *store, int64_t *version, sterna_fault *fault)
{
    int64_t application = 0, tables = 0;
    sterna_status status = pragma(store, "PRAGMA application_id", &application, fault);
    if (status == STERNA_OK) status = pragma(store, "PRAGMA user_version", version, fault);
    if (status == STERNA_OK) status = pragma(store, "SELECT count(*) FROM sqlite_schema", &tables, fault);
    if (status != STERNA_OK) return status;
    if (application != APPLICATION && (application != 0 || *version != 0 || tables != 0))
        return sterna_fail(fault, STERNA_FILE, "%.300s: an SQLite database of some other program",
                           store->path);
    if (*version > sterna_store_migration_count)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "%.300s: schema %lld, written by a newer Sterna; this one knows up to %d",
                           store->path, (long long)*version, sterna_store_migration_count);
    return STERNA_OK;
}

static sterna_status find_version(sterna_store *store, int64_t *version, sterna_fault *fault)
{
    sterna_status status = sterna_store_run(store, "BEGIN", fault);
    if (status != STERNA_OK) return status;
    return sterna_store_end(store, ask_version(store, version, fault), fault);
}

/* All migrations that are missing, in one transaction: another program sees the old schema or the new one. */
static sterna_status migrate(sterna_store *store, sterna_fault *fault)
{
    char set[80];
    int64_t version = 0;
    sterna_status status = find_version(store, &version, fault);
    if (status != STERNA_OK || version == sterna_store_migration_count) return status;
    status = sterna_store_begin(store, fault);
    if (status != STERNA_OK) return status;
    status = ask_version(store, &version, fault); /* somebody else may have been first */
    for (; status == STERNA_OK && version < sterna_store_migration_count; version++)
        status = sterna_store_run(store, sterna_store_migrations[version], fault);
    snprintf(set, sizeof set, "PRAGMA user_version=%d; PRAGMA application_id=%d",
             sterna_store_migration_count, APPLICATION);
    if (status == STERNA_OK) status = sterna_store_run(store, set, fault);
    return sterna_store_end(store, status, fault);
}

static sterna_status open_database(sterna_store *store, sterna_fault *fault)
{
    int code =
        sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, STERNA_STORE_VFS);
    if (code != SQLITE_OK) return sterna_store_fail(store, code, fault);
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
    int64_t version;
    sterna_status status = find_version(store, &version, fault); /* before anything is changed */
    if (status == STERNA_OK) status = enter_wal(store, fault);
    if (status == STERNA_OK) status = sterna_store_run(store, "PRAGMA synchronous=FULL", fault);
    if (status == STERNA_OK) status = sterna_store_run(store, "PRAGMA foreign_keys=ON", fault);
    if (status == STERNA_OK) status = sterna_store_run(store, "PRAGMA trusted_schema=OFF", fault);
    return status == STERNA_OK ? migrate(store, fault) : status;
}

sterna_status sterna_store_open(const char *path, sterna_store **store, sterna_fault *fault)
{
    size_t n = strlen(path);
    sterna_store *opened = sterna_alloc(1, sizeof *opened);
    if (!opened) return sterna_fail(fault, STERNA_MEMORY, "%.300s: out of memory", path);
    sterna_status status = STERNA_OK;
    if (n == 0 || n >= sizeof opened->path || path[0] == ':') /* names that SQLite takes for no file at all */
        status = sterna_fail(fault, STERNA_USAGE, "\"%.300s\" cannot name a store", path);
    if (status == STERNA_OK) status = sterna_store_begin_use(fault);
    if (status != STERNA_OK) {
        sterna_free(opened);
        return status;
    }
    memcpy(opened->path, path, n);
    status = open_database(opened, fault);
    if (status != STERNA_OK) {
        sterna_store_close(opened);
        return status;
    }
    *store = opened;
    return STERNA_OK;
}

void sterna_store_close(sterna_store *store)
{
    if (!store) return;
    sqlite3_close(store->db);
    sterna_free(store);
    sterna_store_end_use();
}
