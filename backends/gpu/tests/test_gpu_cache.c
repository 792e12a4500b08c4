/* Cache files: found again, told apart, damage of every byte noticed, places that cannot be written. */
#include "base/fault_point.h"
#include "base/size.h"
#include "gpu/gpu_cache.h"
#include "runner.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static bool exists(const sterna_gpu_cache *cache, const char *name)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", cache->folder, name);
    return sterna_sys_exists(path);
}

/* A file of 900 bytes that was written so many seconds ago. */
static bool put_old(const sterna_gpu_cache *cache, const char *name, int age)
{
    char path[1000], bytes[900] = "";
    sterna_writer *writer;
    snprintf(path, sizeof path, "%s/%s", cache->folder, name);
    if (sterna_sys_make_folder(cache->folder, NULL) != STERNA_OK ||
        sterna_writer_open(path, &writer, NULL) != STERNA_OK ||
        sterna_writer_write(writer, bytes, sizeof bytes, NULL) != STERNA_OK ||
        sterna_writer_commit(writer, NULL) != STERNA_OK)
        return false;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{now.tv_sec - age, 0}, {now.tv_sec - age, 0}};
    return utimensat(AT_FDCWD, path, times, 0) == 0;
}

/* "0000...i" with 64 digits. */
static const char *hex_name(uint32_t i)
{
    static char name[80];
    snprintf(name, sizeof name, "%064x", i);
    return name;
}

/* The oldest files go until the rest and the new one are within the bound; what is not ours stays, however old. */
static void the_bound(sterna_test *t)
{
    static const char *const foreign[] = {
        "notes.txt",
        "000000000000000000000000000000000000000000000000000000000000001",
        "0000000000000000000000000000000000000000000000000000000000000000f",
        "00000000000000000000000000000000000000000000000000000000000000FF",
        "0000000000000000000000000000000000000000000000000000000000000001.tmp-",
        "0000000000000000000000000000000000000000000000000000000000000001.tmp-12x",
        "0000000000000000000000000000000000000000000000000000000000000001.bak"};
    enum { MANY = 100, LEFT = 7 };
    char path[1000], target[1000];
    sterna_gpu_cache cache;
    open_here(t, &cache);
    CHECK(t, cache.bound == 256u << 20);
    for (uint32_t i = 0; i < STERNA_COUNT(foreign); i++) CHECK(t, put_old(&cache, foreign[i], 100000));
    /* A folder and a link with names of ours. */
    snprintf(path, sizeof path, "%s/%064x", cache.folder, 0xaaaau);
    CHECK(t, mkdir(path, 0777) == 0);
    snprintf(target, sizeof target, "%s/notes.txt", cache.folder);
    snprintf(path, sizeof path, "%s/%064x", cache.folder, 0xbbbbu);
    CHECK(t, symlink(target, path) == 0);
    /* In an order that is neither theirs nor their names': file i is i * 37 mod 100 + 1 minutes old. */
    for (uint32_t i = 0; i < MANY; i++) CHECK(t, put_old(&cache, hex_name(i), 60 * (int)(i * 37 % MANY + 1)));
    CHECK(t,
          put_old(&cache, "00000000000000000000000000000000000000000000000000000000000000ab.tmp-4711", 9000));
    CHECK(t,
          put_old(&cache, "00000000000000000000000000000000000000000000000000000000000000ac.tmp-4712", 1800));
    cache.bound = (LEFT + 1) * 900 + 200; /* a writer's file, and the new one of 80 bytes and 3 */
    CHECK(t, sterna_gpu_cache_store(&cache, "a", 1, "one", 3) && holds(&cache, "a", "one", 3));
    for (uint32_t i = 0; i < MANY; i++)
        CHECK_MSG(t, exists(&cache, hex_name(i)) == (i * 37 % MANY < LEFT), "file %u", i);
    CHECK(t, !exists(&cache, "00000000000000000000000000000000000000000000000000000000000000ab.tmp-4711"));
    CHECK(t, exists(&cache, "00000000000000000000000000000000000000000000000000000000000000ac.tmp-4712"));
    for (uint32_t i = 0; i < STERNA_COUNT(foreign); i++)
        CHECK_MSG(t, exists(&cache, foreign[i]), "%s is gone", foreign[i]);
    CHECK(t, exists(&cache, hex_name(0xaaaa)) && exists(&cache, hex_name(0xbbbb)));
    /* The new file stays, even where it alone is too much, or another one is of the future. */
    cache.bound = 50;
    CHECK(t, put_old(&cache, hex_name(1), -5000));
    CHECK(t, sterna_gpu_cache_store(&cache, "b", 1, "two", 3) && holds(&cache, "b", "two", 3));
    CHECK(t, !holds(&cache, "a", "one", 3) && !exists(&cache, hex_name(1)));
    /* Another program may have been faster. */
    snprintf(path, sizeof path, "%s/%064x", cache.folder, 0xccccu);
    CHECK(t, sterna_sys_remove(path, NULL) == STERNA_OK);
    /* What cannot be listed or removed is no failure. */
    cache.bound = 900;
    CHECK(t, put_old(&cache, hex_name(2), 60));
    bool removed = false;
    for (uint64_t n = 1; n < 100 && !removed; n++) {
        sterna_fault_arm(STERNA_FAULT_SYS, n, false);
        bool stored = sterna_gpu_cache_store(&cache, "c", 1, "three", 5);
        removed = !exists(&cache, hex_name(2));
        sterna_fault_arm(STERNA_FAULT_SYS, 0, false);
        CHECK(t, stored == holds(&cache, "c", "three", 5) && (stored || !removed));
        cache.bound = 1 << 20;
        CHECK(t, removed || sterna_gpu_cache_store(&cache, "c", 1, "old", 3));
        cache.bound = 900;
    }
    CHECK(t, removed);
}

static void add_bytes(void *context, const sterna_file_info *file)
{
    *(uint64_t *)context += file->bytes;
}

/* One of several programs that fill one folder far beyond its bound: what is read is right or absent. */
static int fill(const sterna_gpu_cache *cache, uint32_t number)
{
    char data[400];
    for (uint32_t i = 0; i < 60; i++) {
        char key[40];
        snprintf(key, sizeof key, "%u of %u", i, number);
        memset(data, (int)(i + number), sizeof data);
        if (!sterna_gpu_cache_store(cache, key, strlen(key), data, sizeof data)) return 1;
        for (uint32_t other = 0; other < 4; other++) {
            sterna_gpu_blob blob = {0};
            snprintf(key, sizeof key, "%u of %u", i, other);
            memset(data, (int)(i + other), sizeof data);
            if (sterna_gpu_cache_load(cache, key, strlen(key), &blob) &&
                (blob.bytes != sizeof data || memcmp(blob.data, data, sizeof data) != 0))
                return 2;
            sterna_gpu_blob_free(&blob);
        }
    }
    return 0;
}

static void several_programs(sterna_test *t)
{
    sterna_gpu_cache cache;
    pid_t children[4];
    uint64_t total = 0;
    open_here(t, &cache);
    cache.bound = 10 * 480;
    for (uint32_t c = 0; c < STERNA_COUNT(children); c++) {
        children[c] = fork();
        if (children[c] == 0) _exit(fill(&cache, c) + (logged ? 4 : 0));
        CHECK(t, children[c] > 0);
    }
    for (uint32_t c = 0; c < STERNA_COUNT(children); c++) {
        int state = -1;
        CHECK(t, waitpid(children[c], &state, 0) == children[c]);
        CHECK_MSG(t, WIFEXITED(state) && WEXITSTATUS(state) == 0, "program %u: %d", c, state);
    }
    CHECK(t, sterna_gpu_cache_store(&cache, "last", 4, "x", 1));
    CHECK(t, sterna_sys_list_files(cache.folder, add_bytes, &total, NULL) == STERNA_OK);
    CHECK_MSG(t, total <= cache.bound && total > cache.bound / 2, "%u bytes", (unsigned)total);
}

const sterna_test_case sterna_test_cases[] = {
    {"kept_and_replaced", kept_and_replaced, 0},
    {"the_folder", the_folder, 0},
    {"damage", damage, 0},
    {"no_place", no_place, 0},
    {"the_bound", the_bound, 0},
    {"several_programs", several_programs, 60},
    {0},
};
