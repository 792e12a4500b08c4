/* Gates in the store: what they found, and the noise that follows from it. */
#include "store/store_private.h"
#include <math.h>
#include <string.h>

static const char PUT_GATE[] =
    "INSERT INTO gate (began, machine, base, head, device, threads, rounds, outcome) VALUES (?1, "
    "(SELECT id FROM machine WHERE fingerprint = ?2), ?3, ?4, ?5, ?6, ?7, ?8)";
static const char PUT_RATIO[] = "INSERT INTO ratio (gate, name, ratio, low, high, p, same_code, verdict) "
                                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char NULLS[] =
    "SELECT r.ratio FROM ratio r JOIN gate g ON g.id = r.gate JOIN machine m ON m.id = g.machine WHERE "
    "r.name = ?1 AND "
    "r.same_code = 1 AND m.fingerprint = ?2 AND g.device = ?3 AND g.threads = ?4 ORDER BY g.id DESC LIMIT ?5";

static int text(sqlite3_stmt *statement, int at, const char *value)
{
    return sqlite3_bind_text(statement, at, value, -1, SQLITE_STATIC);
}

/* Either all bindings worked, or the first failure. */
static int first_of(const int *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] != SQLITE_OK) return codes[i];
    return SQLITE_OK;
}

static sterna_status put_gate(sterna_store *store, sqlite3_stmt *s, const sterna_store_gate *gate,
                              int64_t base, int64_t head, sterna_fault *fault)
{
    const sterna_results *h = gate->head;
    const int codes[] = {text(s, 1, h->began),
                         sqlite3_bind_blob(s, 2, h->machine.fingerprint, STERNA_HASH_BYTES, SQLITE_STATIC),
                         sqlite3_bind_int64(s, 3, base),
                         sqlite3_bind_int64(s, 4, head),
                         text(s, 5, h->device),
                         sqlite3_bind_int64(s, 6, h->threads),
                         sqlite3_bind_int64(s, 7, gate->rounds),
                         text(s, 8, gate->outcome)};
    int code = first_of(codes, sizeof codes / sizeof codes[0]);
    return code == SQLITE_OK ? sterna_store_step(store, s, fault) : sterna_store_fail(store, code, fault);
}

static sterna_status put_ratio(sterna_store *store, sqlite3_stmt *s, int64_t gate,
                               const sterna_store_ratio *r, sterna_fault *fault)
{
    const int codes[] = {sqlite3_bind_int64(s, 1, gate),         text(s, 2, r->name),
                         sqlite3_bind_double(s, 3, r->ratio),    sqlite3_bind_double(s, 4, r->low),
                         sqlite3_bind_double(s, 5, r->high),     sqlite3_bind_double(s, 6, r->p),
                         sqlite3_bind_int64(s, 7, r->same_code), text(s, 8, r->verdict)};
    int code = first_of(codes, sizeof codes / sizeof codes[0]);
    return code == SQLITE_OK ? sterna_store_step(store, s, fault) : sterna_store_fail(store, code, fault);
}

sterna_status sterna_store_put_gate(sterna_store *store, const sterna_store_gate *gate, sterna_fault *fault)
{
    sqlite3_stmt *gates = NULL, *ratios = NULL;
    int64_t base = 0, head = 0;
    sterna_status status = sterna_store_prepare(store, PUT_GATE, &gates, fault);
    if (status == STERNA_OK) status = sterna_store_prepare(store, PUT_RATIO, &ratios, fault);
    if (status == STERNA_OK) status = sterna_store_begin(store, fault);
    if (status == STERNA_OK) {
        status = sterna_store_put_program(store, &gate->head->machine, &gate->base->program, &base, fault);
        if (status == STERNA_OK)
            status =
                sterna_store_put_program(store, &gate->head->machine, &gate->head->program, &head, fault);
        if (status == STERNA_OK) status = put_gate(store, gates, gate, base, head, fault);
        int64_t id = sqlite3_last_insert_rowid(store->db);
        for (uint32_t i = 0; i < gate->n && status == STERNA_OK; i++)
            status = put_ratio(store, ratios, id, &gate->ratios[i], fault);
        status = sterna_store_end(store, status, fault);
    }
    sqlite3_finalize(gates);
    sqlite3_finalize(ratios);
    return status;
}

sterna_status sterna_store_null_history(sterna_store *store, const sterna_results *like, const char *name,
                                        double *logs, uint32_t capacity, uint32_t *n, sterna_fault *fault)
{
    sqlite3_stmt *s = NULL;
    *n = 0;
    sterna_status status = sterna_store_prepare(store, NULLS, &s, fault);
    if (status != STERNA_OK) return status;
    const int codes[] = {text(s, 1, name),
                         sqlite3_bind_blob(s, 2, like->machine.fingerprint, STERNA_HASH_BYTES, SQLITE_STATIC),
                         text(s, 3, like->device), sqlite3_bind_int64(s, 4, like->threads),
                         sqlite3_bind_int64(s, 5, capacity)};
    int code = first_of(codes, sizeof codes / sizeof codes[0]);
    if (code == SQLITE_OK)
        while ((code = sqlite3_step(s)) == SQLITE_ROW && *n < capacity)
            logs[(*n)++] = log(sqlite3_column_double(s, 0));
    if (code != SQLITE_DONE && code != SQLITE_ROW) status = sterna_store_fail(store, code, fault);
    sqlite3_finalize(s);
    return status;
}
