/* The inside of the store: the handle, prepared statements, errors. Owns: one way to run a statement. */
#ifndef STERNA_STORE_PRIVATE_H
#define STERNA_STORE_PRIVATE_H

#include "store/store.h"
#include <sqlite3.h>

struct sterna_store {
    sqlite3 *db;
    char path[1024];
};

/* SQL of migration i (from user_version i to i + 1), made from schema/ by the build. */
extern const char *const sterna_store_migrations[];
extern const int sterna_store_migration_count;

/* SQLite in our memory and with our fault points, for as long as there are users (store_os.c). */
sterna_status sterna_store_begin_use(sterna_fault *fault);
void sterna_store_end_use(void);
#define STERNA_STORE_VFS "sterna"
/* False: data are handed to the system and not waited for. What is killed is then a program, never the machine: tests. */
extern bool sterna_store_sync;

/* The status and the sentence of a failed call. */
sterna_status sterna_store_fail(sterna_store *store, int code, sterna_fault *fault);
/* Runs statements without results. */
sterna_status sterna_store_run(sterna_store *store, const char *sql, sterna_fault *fault);
sterna_status sterna_store_prepare(sterna_store *store, const char *sql, sqlite3_stmt **statement,
                                   sterna_fault *fault);
/* Steps a statement that gives no rows, and makes it ready for the next bindings. */
sterna_status sterna_store_step(sterna_store *store, sqlite3_stmt *statement, sterna_fault *fault);
/* Within a transaction: the rows of machine and program, made when absent. */
sterna_status sterna_store_put_program(sterna_store *store, const sterna_machine *machine,
                                       const sterna_program *program, int64_t *id, sterna_fault *fault);
/* BEGIN IMMEDIATE; the end is COMMIT when status is OK, else ROLLBACK, and returns what came of it all. */
sterna_status sterna_store_begin(sterna_store *store, sterna_fault *fault);
sterna_status sterna_store_end(sterna_store *store, sterna_status status, sterna_fault *fault);

#endif
