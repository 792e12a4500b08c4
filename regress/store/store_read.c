/* Reading histories from the store, series by series. */
#include "base/mem.h"
#include "store/store_private.h"
#include <stdio.h>
#include <string.h>

/* Series first, then time. Samples come sorted, so that the visitor has order statistics for nothing. */
static const char POINTS[] =
    "SELECT dense_rank() OVER (ORDER BY b.model, b.name, b.settings, b.id, u.machine, u.device, u.threads), "
    "b.name, b.settings, b.model, u.device, m.processor, r.unit, u.threads, r.work, u.began, p.commit_id, "
    "r.digest, "
    "r.code, r.id FROM result r JOIN run u ON u.id = r.run JOIN benchmark b ON b.id = r.benchmark "
    "JOIN machine m ON m.id = u.machine JOIN program p ON p.id = u.program "
    "WHERE r.kind = 'time' ORDER BY 1, u.began, u.id";
static const char SAMPLES[] = "SELECT seconds FROM sample WHERE result = ?1 ORDER BY seconds";

static const char *text_at(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : ""; /* NULL only when memory is refused: the next step fails */
}

static bool hash_at(sqlite3_stmt *statement, int column, uint8_t hash[STERNA_HASH_BYTES])
{
    const void *blob = sqlite3_column_blob(statement, column);
    memset(hash, 0, STERNA_HASH_BYTES);
    if (!blob || sqlite3_column_bytes(statement, column) != STERNA_HASH_BYTES) return false;
    memcpy(hash, blob, STERNA_HASH_BYTES);
    return true;
}

typedef struct samples {
    double *values;
    uint32_t n, capacity;
} samples;

static sterna_status read_samples(sterna_store *store, sqlite3_stmt *statement, int64_t result, samples *s,
                                  sterna_fault *fault)
{
    int code = sqlite3_bind_int64(statement, 1, result);
    s->n = 0;
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW) break;
        if (s->n == s->capacity) {
            uint32_t more = s->capacity ? 2 * s->capacity : 64;
            double *values = sterna_realloc(s->values, more, sizeof *values);
            if (!values) {
                sqlite3_reset(statement);
                return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u samples", more);
            }
            s->values = values;
            s->capacity = more;
        }
        s->values[s->n++] = sqlite3_column_double(statement, 0);
    }
    sterna_status status = code == SQLITE_DONE ? STERNA_OK : sterna_store_fail(store, code, fault);
    sqlite3_reset(statement);
    return status;
}

sterna_status sterna_store_walk(sterna_store *store, sterna_store_visit *visit, void *context,
                                sterna_fault *fault)
{
    sqlite3_stmt *points = NULL, *inner = NULL;
    samples s = {0};
    int code = SQLITE_ROW;
    sterna_status status = sterna_store_prepare(store, POINTS, &points, fault);
    if (status == STERNA_OK) status = sterna_store_prepare(store, SAMPLES, &inner, fault);
    while (status == STERNA_OK && (code = sqlite3_step(points)) == SQLITE_ROW) {
        sterna_store_point point = {.series = sqlite3_column_int64(points, 0),
                                    .name = text_at(points, 1),
                                    .settings = text_at(points, 2),
                                    .model = text_at(points, 3),
                                    .device = text_at(points, 4),
                                    .processor = text_at(points, 5),
                                    .unit = text_at(points, 6),
                                    .threads = (uint32_t)sqlite3_column_int64(points, 7),
                                    .work = sqlite3_column_double(points, 8),
                                    .began = text_at(points, 9),
                                    .commit = text_at(points, 10)};
        hash_at(points, 11, point.digest);
        point.has_code = hash_at(points, 12, point.code);
        status = read_samples(store, inner, sqlite3_column_int64(points, 13), &s, fault);
        point.seconds = s.values;
        point.n = s.n;
        if (status == STERNA_OK) status = visit(context, &point, fault);
    }
    if (status == STERNA_OK && code != SQLITE_DONE) status = sterna_store_fail(store, code, fault);
    sqlite3_finalize(points);
    sqlite3_finalize(inner);
    sterna_free(s.values);
    return status;
}

static const char CHECKS[] =
    "SELECT u.began, p.commit_id, u.device, count(*), sum(r.passed), sum(r.failed), sum(r.unsupported) FROM "
    "run u "
    "JOIN result r ON r.run = u.id JOIN program p ON p.id = u.program WHERE r.kind = 'verdict' GROUP BY u.id "
    "ORDER BY u.began, u.id";

sterna_status sterna_store_checks(sterna_store *store, sterna_store_check_visit *visit, void *context,
                                  sterna_fault *fault)
{
    sqlite3_stmt *rows = NULL;
    int code = SQLITE_ROW;
    sterna_status status = sterna_store_prepare(store, CHECKS, &rows, fault);
    while (status == STERNA_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        sterna_store_check check = {.properties = (uint64_t)sqlite3_column_int64(rows, 3),
                                    .passed = (uint64_t)sqlite3_column_int64(rows, 4),
                                    .failed = (uint64_t)sqlite3_column_int64(rows, 5),
                                    .unsupported = (uint64_t)sqlite3_column_int64(rows, 6)};
        snprintf(check.began, sizeof check.began, "%.20s", text_at(rows, 0));
        snprintf(check.commit, sizeof check.commit, "%.63s", text_at(rows, 1));
        snprintf(check.device, sizeof check.device, "%.63s", text_at(rows, 2));
        status = visit(context, &check, fault);
    }
    if (status == STERNA_OK && code != SQLITE_DONE) status = sterna_store_fail(store, code, fault);
    sqlite3_finalize(rows);
    return status;
}
