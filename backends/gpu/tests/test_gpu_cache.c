/* Cache files: found again, told apart, damage of every byte noticed, places that cannot be written. */
#include "base/fault_point.h"
#include "gpu/gpu_cache.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int logged;

static void count_log(void *context, int level, const char *text)
{
    (void)context;
    logged += level == 2 && strstr(text, "damaged") != NULL;
}

static const sterna_host host = {.size = sizeof host, .log = count_log};

/* A cache in a folder of the case's own. */
static void open_here(sterna_test *t, sterna_gpu_cache *cache)
{
    setenv("STERNA_CACHE", sterna_test_folder(t), 1);
    sterna_gpu_cache_open(cache, "device", &host);
}

static bool holds(const sterna_gpu_cache *cache, const char *key, const void *data, size_t bytes)
{
    sterna_gpu_blob blob = {0};
    bool same = sterna_gpu_cache_load(cache, key, strlen(key), &blob) && blob.bytes == bytes &&
                memcmp(blob.data, data, bytes) == 0;
    sterna_gpu_blob_free(&blob);
    return same;
}

static void kept_and_replaced(sterna_test *t)
{
    sterna_gpu_cache cache, other;
    open_here(t, &cache);
    CHECK(t, !holds(&cache, "a", "one", 3));
    CHECK(t, sterna_gpu_cache_store(&cache, "a", 1, "one", 3) && holds(&cache, "a", "one", 3));
    CHECK(t, sterna_gpu_cache_store(&cache, "ab", 2, "\0two", 4) && holds(&cache, "ab", "\0two", 4));
    CHECK(t, holds(&cache, "a", "one", 3) && !holds(&cache, "b", "one", 3));
    CHECK(t, sterna_gpu_cache_store(&cache, "a", 1, "three", 5) && holds(&cache, "a", "three", 5));
    sterna_gpu_cache_open(&other, "elsewhere", &host);
    CHECK(t, !holds(&other, "a", "three", 5));
    CHECK(t, !sterna_gpu_cache_store(&cache, "a", 1, "", 0) && holds(&cache, "a", "three", 5));
    CHECK(t, logged == 0);
}

static void the_folder(sterna_test *t)
{
    static const struct {
        const char *own, *xdg, *home, *want;
    } rows[] = {
        {"/c", "/x", "/h", "/c/device"},
        {NULL, "/x", "/h", "/x/sterna/device"},
        {"", "/x", "/h", "/x/sterna/device"},
        {NULL, NULL, "/h", "/h/.cache/sterna/device"},
        {NULL, "relative", "/h", "/h/.cache/sterna/device"},
        {NULL, "", "/h", "/h/.cache/sterna/device"},
        {NULL, NULL, NULL, ""},
        {NULL, NULL, "", ""},
        {"off", "/x", "/h", ""},
        {"c", "/x", "/h", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char *const names[] = {"STERNA_CACHE", "XDG_CACHE_HOME", "HOME"};
        const char *const values[] = {rows[i].own, rows[i].xdg, rows[i].home};
        sterna_gpu_cache cache;
        for (int v = 0; v < 3; v++)
            if (values[v])
                setenv(names[v], values[v], 1);
            else
                unsetenv(names[v]);
        sterna_gpu_cache_open(&cache, "device", NULL);
        CHECK_MSG(t, strcmp(cache.folder, rows[i].want) == 0, "row %zu: '%s'", i, cache.folder);
    }
    char root[1000];
    sterna_gpu_cache cache;
    memset(root, 'a', sizeof root);
    root[0] = '/';
    root[sizeof root - 1] = 0;
    setenv("STERNA_CACHE", root, 1);
    sterna_gpu_cache_open(&cache, "device", NULL);
    CHECK(t, cache.folder[0] == 0 && !sterna_gpu_cache_store(&cache, "a", 1, "one", 3));
}

/* The only file of the cache: its path is the hash of the key, "a". */
static const char *const FILE_OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

static void damage(sterna_test *t)
{
    char path[900];
    uint8_t whole[200];
    sterna_gpu_cache cache;
    sterna_mapping file;
    open_here(t, &cache);
    snprintf(path, sizeof path, "%s/%s", cache.folder, FILE_OF_A);
    CHECK(t, sterna_gpu_cache_store(&cache, "a", 1, "compiled code", 13));
    CHECK(t, sterna_sys_read(path, sizeof whole, &file, NULL) == STERNA_OK && file.size < sizeof whole);
    size_t size = (size_t)file.size;
    memcpy(whole, file.data, size);
    sterna_sys_unmap(&file);
    for (size_t i = 0; i <= 2 * size; i += i < size ? 3 : 7) { /* one byte changed, shorter, longer */
        sterna_writer *writer;
        uint8_t bad[sizeof whole] = {0};
        size_t length = i < size ? size : i + 7 < 2 * size ? i - size : size + 1;
        memcpy(bad, whole, size);
        if (i < size) bad[i] ^= 1;
        CHECK(t, sterna_writer_open(path, &writer, NULL) == STERNA_OK);
        CHECK(t, sterna_writer_write(writer, bad, length, NULL) == STERNA_OK);
        CHECK(t, sterna_writer_commit(writer, NULL) == STERNA_OK);
        logged = 0;
        CHECK_MSG(t, !holds(&cache, "a", "compiled code", 13) && logged == 1, "case %zu", i);
    }
    CHECK(t, sterna_gpu_cache_store(&cache, "a", 1, "compiled code", 13));
    CHECK(t, holds(&cache, "a", "compiled code", 13));
}

/* A folder that cannot be made, and every call to the system failing in turn: a miss, never more. */
static void no_place(sterna_test *t)
{
    sterna_gpu_cache cache;
    setenv("STERNA_CACHE", "/proc/nowhere", 1);
    sterna_gpu_cache_open(&cache, "device", NULL);
    CHECK(t, !sterna_gpu_cache_store(&cache, "a", 1, "one", 3) && !holds(&cache, "a", "one", 3));
    open_here(t, &cache);
    bool stored = false;
    for (uint64_t n = 1; n < 100 && !stored; n++) {
        sterna_fault_arm(STERNA_FAULT_SYS, n, false);
        stored = sterna_gpu_cache_store(&cache, "a", 1, "one", 3);
        CHECK(t, n > 5 || !stored);
    }
    CHECK(t, stored);
    bool loaded = false;
    for (uint64_t n = 1; n < 100 && !loaded; n++) {
        sterna_fault_arm(STERNA_FAULT_SYS, n, false);
        loaded = holds(&cache, "a", "one", 3);
        CHECK(t, n > 2 || !loaded);
    }
    CHECK(t, loaded);
    sterna_fault_arm(STERNA_FAULT_SYS, 0, false);
    sterna_fault_arm(STERNA_FAULT_ALLOC, 1, true);
    CHECK(t, !holds(&cache, "a", "one", 3) && !sterna_gpu_cache_store(&cache, "b", 1, "one", 3));
    sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
    CHECK(t, holds(&cache, "a", "one", 3));
}

const sterna_test_case sterna_test_cases[] = {
    {"kept_and_replaced", kept_and_replaced, 0},
    {"the_folder", the_folder, 0},
    {"damage", damage, 0},
    {"no_place", no_place, 0},
    {0},
};
