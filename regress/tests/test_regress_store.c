/* The store: what goes in comes out, whatever is refused, killed or written at once. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "runner.h"
#include "store/store_private.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A run of `n` benchmarks with 5 samples each, made of numbers that tell where they belong. */
static bool make_run(sterna_results *r, uint32_t tag, uint32_t n)
{
    sterna_kernel_use uses[2] = {{.name = "matmul/b", .has_hash = 1}, {.name = "add/a", .has_hash = 1}};
    *r = (sterna_results){.threads = 2};
    snprintf(r->began, sizeof r->began, "2026-01-01T00:%02u:%02uZ", tag / 60 % 60, tag % 60);
    snprintf(r->command, sizeof r->command, "bench");
    snprintf(r->arguments, sizeof r->arguments, "tag %u", tag);
    snprintf(r->device, sizeof r->device, "cpu:scalar");
    snprintf(r->profile, sizeof r->profile, "exact");
    sterna_machine_here(&r->machine);
    sterna_program_code(&r->program);
    snprintf(r->program.commit, sizeof r->program.commit, "c%u", tag % 3);
    for (uint32_t i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "kernel/%u", i);
        sterna_benchmark *b = sterna_results_add(r, name, NULL);
        if (!b || sterna_benchmark_code(b, uses, 2, &r->program, NULL) != STERNA_OK) return false;
        b->work = 7;
        snprintf(b->unit, sizeof b->unit, "byte");
        b->digest[0] = (uint8_t)i;
        for (uint32_t s = 0; s < 5; s++)
            if (sterna_benchmark_sample(b, tag + (5 - s) / 8.0, NULL) != STERNA_OK) return false;
    }
    return true;
}

static sterna_status put(const char *path, uint32_t tag, uint32_t n, sterna_fault *fault)
{
    sterna_results r;
    sterna_store *store = NULL;
    bool made = make_run(&r, tag, n);
    sterna_status status = made ? sterna_store_open(path, &store, fault)
                                : sterna_fail(fault, STERNA_MEMORY, "out of memory for the run itself");
    if (status == STERNA_OK) status = sterna_store_put(store, &r, NULL, fault);
    sterna_store_close(store);
    sterna_results_free(&r);
    return status;
}

/* One number that SQL gives, -1 when it gives none. */
static int64_t ask(const char *path, const char *sql)
{
    sterna_store *store = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sterna_store_open(path, &store, NULL) == STERNA_OK) {
        if (sterna_store_prepare(store, sql, &statement, NULL) == STERNA_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    sterna_store_close(store);
    return value;
}

/* Sound, and every run whole: as many results, samples and kernels as were put together. */
static bool sound(const char *path, int64_t runs, int64_t n)
{
    char sql[300];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) = %lld AND (SELECT count(*) FROM result) = %lld AND (SELECT count(*) FROM sample) = "
        "%lld AND (SELECT count(*) FROM kernel) = %lld FROM run",
        (long long)runs, (long long)(runs * n), (long long)(5 * runs * n), (long long)(2 * runs * n));
    return ask(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1 &&
           ask(path, "SELECT count(*) FROM pragma_foreign_key_check") == 0 && ask(path, sql) == 1;
}

static const char *file_in(sterna_test *t, const char *name)
{
    static char path[1100];
    sterna_store_sync = false;
    snprintf(path, sizeof path, "%s/%s", sterna_test_folder(t), name);
    return path;
}

/* The store starts SQLite anew, with its own memory. */
static void close_raw(sqlite3 *db)
{
    sqlite3_close(db);
    sqlite3_shutdown();
}

typedef struct seen {
    sterna_test *t;
    uint32_t points;
    int64_t series;
    char began[24];
} seen;

static sterna_status see(void *context, const sterna_store_point *point, sterna_fault *fault)
{
    seen *s = context;
    (void)fault;
    EXPECT(s->t, point->n == 5 && point->work == 7 && point->has_code && !strcmp(point->unit, "byte"));
    EXPECT(s->t, !strcmp(point->device, "cpu:scalar") && point->threads == 2);
    for (uint32_t i = 1; i < point->n; i++) EXPECT(s->t, point->seconds[i - 1] < point->seconds[i]);
    if (point->series == s->series)
        EXPECT(s->t, strcmp(s->began, point->began) <= 0);
    else
        EXPECT(s->t, point->series == s->series + 1);
    s->series = point->series;
    snprintf(s->began, sizeof s->began, "%s", point->began);
    s->points++;
    return STERNA_OK;
}

static void keeps(sterna_test *t)
{
    const char *path = file_in(t, "a.db");
    sterna_fault fault = {0};
    static const uint32_t tags[] = {9, 3, 70, 3};
    for (size_t i = 0; i < STERNA_COUNT(tags); i++)
        CHECK_MSG(t, put(path, tags[i], 3, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, sound(path, 4, 3));
    CHECK(t, ask(path, "SELECT count(*) FROM machine") == 1);
    CHECK(t, ask(path, "SELECT count(*) FROM program") == 2);
    CHECK(t, ask(path, "SELECT count(*) FROM benchmark") == 3);
    CHECK(t, ask(path,
                 "SELECT count(*) FROM result WHERE kind = 'time' AND (length(digest) <> 32 OR length(code) "
                 "<> 32)") == 0);
    sterna_store *store = NULL;
    seen s = {.t = t};
    CHECK(t, sterna_store_open(path, &store, &fault) == STERNA_OK);
    CHECK(t, sterna_store_walk(store, see, &s, &fault) == STERNA_OK);
    sterna_store_close(store);
    CHECK_MSG(t, s.points == 12 && s.series == 3, "%u points, %lld series", s.points, (long long)s.series);
}

/* The schema itself refuses what must not be there. */
static void refuses(sterna_test *t)
{
    static const char *const wrong[] = {
        "UPDATE result SET digest = x''",
        "UPDATE result SET kind = 'guess'",
        "UPDATE sample SET seconds = 0",
        "UPDATE sample SET seconds = 'fast'",
        "INSERT INTO sample VALUES (999999, 0, 1.0)",
        "UPDATE run SET began = 'yesterday'",
        "DELETE FROM machine",
        "INSERT INTO result SELECT NULL, run, benchmark, kind, digest, code, 0, unit, 0, 0, 0 FROM result",
    };
    const char *path = file_in(t, "a.db");
    sterna_store *store = NULL;
    CHECK(t, put(path, 1, 2, NULL) == STERNA_OK);
    CHECK(t, sterna_store_open(path, &store, NULL) == STERNA_OK);
    for (size_t i = 0; i < STERNA_COUNT(wrong); i++) {
        sterna_fault fault = {0};
        sterna_test_note(t, "%s", wrong[i]);
        EXPECT(t, sterna_store_run(store, wrong[i], &fault) == STERNA_FILE);
        EXPECT(t, strstr(fault.text, "constraint") || strstr(fault.text, "cannot store"));
    }
    sterna_store_close(store);
    CHECK(t, sound(path, 1, 2));
}

/* A store that an older Sterna wrote comes up to date with all it holds; what is not ours stays untouched. */
static void migrations(sterna_test *t)
{
    const char *path = file_in(t, "old.db");
    char set[100];
    sqlite3 *db = NULL;
    for (int version = 0; version < sterna_store_migration_count; version++) {
        unlink(path);
        CHECK(t, sqlite3_open(path, &db) == SQLITE_OK);
        for (int i = 0; i < version; i++)
            CHECK(t, sqlite3_exec(db, sterna_store_migrations[i], NULL, NULL, NULL) == SQLITE_OK);
        snprintf(set, sizeof set, "PRAGMA user_version=%d; PRAGMA application_id=1400131169", version);
        CHECK(t, sqlite3_exec(db, set, NULL, NULL, NULL) == SQLITE_OK);
        if (version > 0)
            CHECK(t, sqlite3_exec(db, "INSERT INTO benchmark VALUES (7, 'kept', '', '', x'')", NULL, NULL,
                                  NULL) == SQLITE_OK);
        close_raw(db);
        CHECK(t, put(path, 1, 1, NULL) == STERNA_OK && sound(path, 1, 1));
        snprintf(set, sizeof set, "SELECT user_version = %d FROM pragma_user_version",
                 sterna_store_migration_count);
        CHECK(t, ask(path, set) == 1);
        CHECK(t, version == 0 ||
                     ask(path, "SELECT count(*) FROM benchmark WHERE name = 'kept' AND id = 7") == 1);
    }
    static const struct {
        const char *sql, *sentence;
        sterna_status status;
    } foreign[] = {
        {"CREATE TABLE x(a)", "some other program", STERNA_FILE},
        {"PRAGMA application_id=7", "some other program", STERNA_FILE},
        {"PRAGMA application_id=1400131169; PRAGMA user_version=1000", "newer Sterna", STERNA_UNSUPPORTED},
    };
    for (size_t i = 0; i < STERNA_COUNT(foreign); i++) {
        sterna_fault fault = {0};
        unlink(path);
        CHECK(t, sqlite3_open(path, &db) == SQLITE_OK);
        CHECK(t, sqlite3_exec(db, foreign[i].sql, NULL, NULL, NULL) == SQLITE_OK);
        close_raw(db);
        EXPECT(t, put(path, 1, 1, &fault) == foreign[i].status);
        EXPECT(t, strstr(fault.text, foreign[i].sentence) != NULL);
        CHECK(t, sqlite3_open(path, &db) == SQLITE_OK);
        EXPECT(t, sqlite3_exec(db, "INSERT INTO benchmark VALUES (1, 'a', '', '', x'')", NULL, NULL, NULL) !=
                      SQLITE_OK);
        close_raw(db);
    }
    FILE *file = fopen(path, "w");
    CHECK(t, file != NULL &&
                 fputs("not a database, but long enough to have a header of a hundred bytes. ....... "
                       "...................................................\n",
                       file) >= 0);
    fclose(file);
    sterna_fault fault = {0};
    CHECK(t, put(path, 1, 1, &fault) == STERNA_FILE && strstr(fault.text, "not a store") != NULL);
    CHECK(t, put("", 1, 1, NULL) == STERNA_USAGE && put(":memory:", 1, 1, NULL) == STERNA_USAGE);
    CHECK(t, put("/nowhere/at/all.db", 1, 1, NULL) == STERNA_FILE);
}

/* Several programs write into a file that none of them has made yet. */
static void concurrent(sterna_test *t)
{
    enum { WRITERS = 5, RUNS = 6, RESULTS = 4 };
    const char *path = file_in(t, "many.db");
    pid_t children[WRITERS];
    for (uint32_t w = 0; w < WRITERS; w++) {
        children[w] = fork();
        CHECK(t, children[w] >= 0);
        if (children[w] > 0) continue;
        sterna_fault fault = {0};
        for (uint32_t i = 0; i < RUNS; i++)
            if (put(path, w * RUNS + i, RESULTS, &fault) != STERNA_OK) {
                fprintf(stderr, "writer %u, run %u: %s\n", w, i, fault.text);
                _exit(1);
            }
        _exit(0);
    }
    for (uint32_t w = 0; w < WRITERS; w++) {
        int status;
        CHECK(t, waitpid(children[w], &status, 0) == children[w]);
        EXPECT(t, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK(t, sound(path, WRITERS * RUNS, RESULTS));
    CHECK(t, ask(path, "SELECT count(DISTINCT arguments) FROM run") == WRITERS * RUNS);
}

/* Killed at any moment, the file is sound, holds whole runs only, and every run that was said to be kept. */
static void killed(sterna_test *t)
{
    enum { KILLS = 12, RESULTS = 20 };
    const char *path = file_in(t, "killed.db");
    int64_t promised = 0;
    uint32_t mid = 0;
    for (uint32_t kill_number = 0; kill_number < KILLS; kill_number++) {
        int ends[2];
        CHECK(t, pipe(ends) == 0);
        pid_t child = fork();
        CHECK(t, child >= 0);
        if (child == 0) {
            sterna_store *store = NULL;
            sterna_results r;
            close(ends[0]);
            if (sterna_store_open(path, &store, NULL) != STERNA_OK) _exit(1);
            for (uint32_t i = 0; make_run(&r, kill_number * 1000 + i, RESULTS); i++) {
                if (sterna_store_put(store, &r, NULL, NULL) != STERNA_OK || write(ends[1], "k", 1) != 1)
                    _exit(2);
                sterna_results_free(&r);
            }
            _exit(3);
        }
        close(ends[1]);
        /* After the first promise, at moments that move through a write of about a millisecond. */
        char said;
        CHECK(t, read(ends[0], &said, 1) == 1);
        promised++;
        struct timespec moment = {0, 200000L + 311000L * kill_number};
        nanosleep(&moment, NULL);
        CHECK(t, kill(child, SIGKILL) == 0);
        int status;
        CHECK(t, waitpid(child, &status, 0) == child);
        CHECK_MSG(t, WIFSIGNALED(status), "the writer ended by itself: %d", WEXITSTATUS(status));
        while (read(ends[0], &said, 1) == 1) promised++;
        close(ends[0]);
        int64_t runs = ask(path, "SELECT count(*) FROM run");
        /* A run may be kept whose promise the kill cut off: one for each kill. */
        CHECK_MSG(t, runs >= promised && runs <= promised + kill_number + 1, "%lld runs, %lld promised",
                  (long long)runs, (long long)promised);
        mid += runs > promised;
        CHECK(t, sound(path, runs, RESULTS));
    }
    sterna_test_note(t, "%lld runs promised and kept, %u kills between keeping and telling",
                     (long long)promised, mid);
}

/* The n-th of everything is refused while a run is added to a store that holds one. */
static void sweep(sterna_test *t, sterna_fault_kind kind)
{
    const char *path = file_in(t, "swept.db");
    char wal[1200], shm[1200];
    snprintf(wal, sizeof wal, "%s-wal", path);
    snprintf(shm, sizeof shm, "%s-shm", path);
    uint64_t n, kept = 0, refused = 0;
    for (n = 1;; n += n < 100 ? 1 : n / 40) {
        sterna_fault fault = {0};
        unlink(path), unlink(wal), unlink(shm);
        CHECK(t, put(path, 1, 2, NULL) == STERNA_OK);
        int64_t live = sterna_mem_live();
        sterna_fault_arm(kind, n, false);
        sterna_status status = put(path, 2, 2, &fault);
        uint64_t calls = sterna_fault_count(kind);
        sterna_fault_arm(kind, 0, false);
        sterna_test_note(t, "call %llu: %s %s", (unsigned long long)n, sterna_status_name(status),
                         fault.text);
        CHECK(t, sterna_mem_live() == live);
        CHECK(t, status == STERNA_OK || status == STERNA_FILE || status == STERNA_MEMORY);
        CHECK(t, status == STERNA_OK || fault.text[0] != 0);
        /* OK: kept. Not OK: not kept, unless only telling failed after the commit was on the disk. */
        int64_t runs = ask(path, "SELECT count(*) FROM run");
        CHECK(t, status == STERNA_OK ? runs == 2 : runs == 1 || runs == 2);
        CHECK(t, sound(path, runs, 2));
        CHECK(t, put(path, 3, 2, NULL) == STERNA_OK && sound(path, runs + 1, 2));
        kept += status == STERNA_OK;
        refused += status != STERNA_OK;
        if (calls < n) break;
    }
    sterna_test_note(t, "%llu calls", (unsigned long long)n);
    CHECK_MSG(t, refused >= 10, "only %llu refusals mattered", (unsigned long long)refused);
    CHECK(t, kept >= 1);
}

static void memory(sterna_test *t)
{
    sweep(t, STERNA_FAULT_ALLOC);
}

static void disk(sterna_test *t)
{
    sweep(t, STERNA_FAULT_SYS);
}

/* A disk that is full stays full: everything fails from the n-th call on, and what was kept is still there. */
static void full_disk(sterna_test *t)
{
    const char *path = file_in(t, "full.db");
    CHECK(t, put(path, 1, 2, NULL) == STERNA_OK);
    for (uint64_t n = 1; n < 200; n += 3) {
        sterna_fault_arm(STERNA_FAULT_SYS, n, true);
        sterna_status status = put(path, 2, 30, NULL);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_SYS);
        sterna_fault_arm(STERNA_FAULT_SYS, 0, false);
        if (status == STERNA_OK) {
            CHECK_MSG(t, calls >= n || n > 10, "only %llu calls", (unsigned long long)n);
            return;
        }
        CHECK_MSG(t,
                  ask(path, "SELECT count(*) FROM run WHERE arguments = 'tag 1'") == 1 &&
                      ask(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1,
                  "call %llu", (unsigned long long)n);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"keeps", keeps, 0},
    {"refuses", refuses, 0},
    {"migrations", migrations, 0},
    {"concurrent", concurrent, 60},
    {"killed", killed, 60},
    {"memory", memory, 60},
    {"disk", disk, 60},
    {"full_disk", full_disk, 60},
    {0},
};
