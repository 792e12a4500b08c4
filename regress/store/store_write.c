/* Writing a run into the store: one transaction. */
#include "store/store_private.h"
#include <string.h>

/* The statements of a run, prepared once. Rows that are there already are found again by their unique columns. */
#define STATEMENTS(X)                                                                                        \
    X(machine,                                                                                               \
      "INSERT INTO machine (fingerprint, processor, architecture, processors, features, memory_bytes) "      \
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")                                              \
    X(program, "INSERT INTO program (version, commit_id, compiler, type, flags, code) "                      \
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")                                     \
    X(run,                                                                                                   \
      "INSERT INTO run (began, machine, program, command, arguments, system, device, profile, threads) "     \
      "VALUES (?1, (SELECT id FROM machine WHERE fingerprint = ?2), (SELECT id FROM program WHERE "          \
      "version = ?3 AND commit_id = ?4 AND compiler = ?5 AND type = ?6 AND flags = ?7 AND code = ?8), "      \
      "?9, ?10, ?11, ?12, ?13, ?14)")                                                                        \
    X(benchmark, "INSERT INTO benchmark (name, settings, model, model_root) VALUES (?1, ?2, ?3, ?4) "        \
                 "ON CONFLICT DO NOTHING")                                                                   \
    X(result,                                                                                                \
      "INSERT INTO result (benchmark, run, kind, digest, code, work, unit, passed, failed, unsupported) "    \
      "VALUES ((SELECT id FROM benchmark WHERE name = ?1 AND settings = ?2 AND model = ?3 AND "              \
      "model_root = ?4), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")                                           \
    X(kernel, "INSERT INTO kernel (result, name, code) VALUES (?1, ?2, ?3)")                                 \
    X(sample, "INSERT INTO sample (result, place, seconds) VALUES (?1, ?2, ?3)")

enum {
#define X(name, sql) PUT_##name,
    STATEMENTS(X)
#undef X
        PUT_COUNT
};

static const char *const statement_sql[] = {
#define X(name, text) text,
    STATEMENTS(X)
#undef X
};

typedef struct put {
    sterna_store *store;
    sqlite3_stmt *statements[PUT_COUNT];
    sterna_fault *fault;
    int code; /* of the first binding that failed */
} put;

/* Texts and blobs outlive the step: no copies. */
static void bind_text(put *p, int s, int at, const char *text)
{
    int code = sqlite3_bind_text(p->statements[s], at, text, -1, SQLITE_STATIC);
    if (p->code == SQLITE_OK) p->code = code;
}

static void bind_hash(put *p, int s, int at, const uint8_t *hash, bool known)
{
    int code = sqlite3_bind_blob(p->statements[s], at, hash, known ? STERNA_HASH_BYTES : 0, SQLITE_STATIC);
    if (p->code == SQLITE_OK) p->code = code;
}

static void bind_integer(put *p, int s, int at, int64_t value)
{
    int code = sqlite3_bind_int64(p->statements[s], at, value);
    if (p->code == SQLITE_OK) p->code = code;
}

static void bind_real(put *p, int s, int at, double value)
{
    int code = sqlite3_bind_double(p->statements[s], at, value);
    if (p->code == SQLITE_OK) p->code = code;
}

static sterna_status step(put *p, int s)
{
    if (p->code != SQLITE_OK) return sterna_store_fail(p->store, p->code, p->fault);
    return sterna_store_step(p->store, p->statements[s], p->fault);
}

static sterna_status put_machine(put *p, const sterna_machine *m)
{
    bind_hash(p, PUT_machine, 1, m->fingerprint, true);
    bind_text(p, PUT_machine, 2, m->processor);
    bind_text(p, PUT_machine, 3, m->architecture);
    bind_integer(p, PUT_machine, 4, m->processors);
    bind_integer(p, PUT_machine, 5, m->features);
    bind_integer(p, PUT_machine, 6, (int64_t)m->memory_bytes);
    return step(p, PUT_machine);
}

static void bind_program(put *p, int s, int first, const sterna_program *b)
{
    bind_text(p, s, first, b->version);
    bind_text(p, s, first + 1, b->commit);
    bind_text(p, s, first + 2, b->compiler);
    bind_text(p, s, first + 3, b->type);
    bind_text(p, s, first + 4, b->flags);
    bind_hash(p, s, first + 5, b->code, b->has_code);
}

static sterna_status put_run(put *p, const sterna_results *r)
{
    bind_text(p, PUT_run, 1, r->began);
    bind_hash(p, PUT_run, 2, r->machine.fingerprint, true);
    bind_program(p, PUT_run, 3, &r->program);
    bind_text(p, PUT_run, 9, r->command);
    bind_text(p, PUT_run, 10, r->arguments);
    bind_text(p, PUT_run, 11, r->machine.system);
    bind_text(p, PUT_run, 12, r->device);
    bind_text(p, PUT_run, 13, r->profile);
    bind_integer(p, PUT_run, 14, r->threads);
    return step(p, PUT_run);
}

static void bind_benchmark(put *p, int s, const sterna_benchmark *item)
{
    bind_text(p, s, 1, item->name);
    bind_text(p, s, 2, item->settings);
    bind_text(p, s, 3, item->model);
    bind_hash(p, s, 4, item->root, item->has_root);
}

static sterna_status put_result(put *p, const sterna_benchmark *item, int64_t run)
{
    bool timed = item->kind == STERNA_RESULT_TIME;
    bind_benchmark(p, PUT_benchmark, item);
    sterna_status status = step(p, PUT_benchmark);
    if (status != STERNA_OK) return status;
    bind_benchmark(p, PUT_result, item);
    bind_integer(p, PUT_result, 5, run);
    bind_text(p, PUT_result, 6, timed ? "time" : "verdict");
    bind_hash(p, PUT_result, 7, item->digest, timed);
    bind_hash(p, PUT_result, 8, item->code, item->has_code);
    bind_real(p, PUT_result, 9, item->work);
    bind_text(p, PUT_result, 10, item->unit);
    bind_integer(p, PUT_result, 11, (int64_t)item->passed);
    bind_integer(p, PUT_result, 12, (int64_t)item->failed);
    bind_integer(p, PUT_result, 13, (int64_t)item->unsupported);
    status = step(p, PUT_result);
    int64_t id = sqlite3_last_insert_rowid(p->store->db);
    for (uint32_t i = 0; i < item->n_kernels && status == STERNA_OK; i++) {
        bind_integer(p, PUT_kernel, 1, id);
        bind_text(p, PUT_kernel, 2, item->kernels[i].name);
        bind_hash(p, PUT_kernel, 3, item->kernels[i].code, item->kernels[i].has_code);
        status = step(p, PUT_kernel);
    }
    for (uint32_t i = 0; i < item->n && status == STERNA_OK; i++) {
        bind_integer(p, PUT_sample, 1, id);
        bind_integer(p, PUT_sample, 2, i);
        bind_real(p, PUT_sample, 3, item->seconds[i]);
        status = step(p, PUT_sample);
    }
    return status;
}

static sterna_status put_all(put *p, const sterna_results *results, int64_t *run)
{
    sterna_status status = put_machine(p, &results->machine);
    if (status == STERNA_OK) {
        bind_program(p, PUT_program, 1, &results->program);
        status = step(p, PUT_program);
    }
    if (status == STERNA_OK) status = put_run(p, results);
    *run = sqlite3_last_insert_rowid(p->store->db);
    for (uint32_t i = 0; i < results->n && status == STERNA_OK; i++)
        status = put_result(p, &results->items[i], *run);
    return status;
}

sterna_status sterna_store_put(sterna_store *store, const sterna_results *results, int64_t *run,
                               sterna_fault *fault)
{
    put p = {.store = store, .fault = fault};
    int64_t number = 0;
    sterna_status status = STERNA_OK;
    for (int i = 0; i < PUT_COUNT && status == STERNA_OK; i++)
        status = sterna_store_prepare(store, statement_sql[i], &p.statements[i], fault);
    if (status == STERNA_OK) status = sterna_store_begin(store, fault);
    if (status == STERNA_OK) {
        status = put_all(&p, results, &number);
        status = sterna_store_end(store, status, fault);
    }
    for (int i = 0; i < PUT_COUNT; i++) sqlite3_finalize(p.statements[i]);
    if (status == STERNA_OK && run) *run = number;
    return status;
}

sterna_status sterna_store_put_program(sterna_store *store, const sterna_machine *machine,
                                       const sterna_program *program, int64_t *id, sterna_fault *fault)
{
    static const char find[] =
        "SELECT id FROM program WHERE version = ?1 AND commit_id = ?2 AND compiler = ?3 AND "
        "type = ?4 AND flags = ?5 AND code = ?6";
    put p = {.store = store, .fault = fault};
    sqlite3_stmt *found = NULL;
    sterna_status status =
        sterna_store_prepare(store, statement_sql[PUT_machine], &p.statements[PUT_machine], fault);
    if (status == STERNA_OK)
        status = sterna_store_prepare(store, statement_sql[PUT_program], &p.statements[PUT_program], fault);
    if (status == STERNA_OK) status = put_machine(&p, machine);
    if (status == STERNA_OK) {
        bind_program(&p, PUT_program, 1, program);
        status = step(&p, PUT_program);
    }
    if (status == STERNA_OK) status = sterna_store_prepare(store, find, &found, fault);
    if (status == STERNA_OK) {
        sqlite3_finalize(p.statements[PUT_program]);
        p.statements[PUT_program] = found;
        bind_program(&p, PUT_program, 1, program);
        int code = p.code == SQLITE_OK ? sqlite3_step(found) : p.code;
        if (code == SQLITE_ROW)
            *id = sqlite3_column_int64(found, 0);
        else
            status = sterna_store_fail(store, code == SQLITE_DONE ? SQLITE_CORRUPT : code, fault);
    }
    sqlite3_finalize(p.statements[PUT_machine]);
    sqlite3_finalize(p.statements[PUT_program]);
    return status;
}
