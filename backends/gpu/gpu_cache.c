/* Cache files: a header of magic, size and two hashes in front of the bytes, so that damage and a key's
 * twin are found. */
#include "gpu/gpu_cache.h"
#include "base/env.h"
#include "base/hash.h"
#include <stdio.h>
#include <string.h>

/* What stands in front of the blob. */
typedef struct cache_header {
    char magic[8];
    uint8_t size[8]; /* of the blob, little-endian */
    uint8_t key[STERNA_HASH_BYTES], blob[STERNA_HASH_BYTES];
} cache_header;

static const char magic[8] = {'S', 't', 'e', 'r', 'n', 'a', 'C', '1'};
enum { LARGEST_FILE = STERNA_GPU_CACHE_BYTES / 4 };

/* Sets the folder from its parts; one that does not fit, or is relative, is none. */
static void set_folder(sterna_gpu_cache *cache, const char *root, const char *below, const char *name)
{
    int n = root[0] == '/' ? snprintf(cache->folder, sizeof cache->folder, "%s%s/%s", root, below, name) : 0;
    /* Behind the folder comes a slash, 64 digits and the writer's suffix. */
    if (n <= 0 || (size_t)n >= sizeof cache->folder) cache->folder[0] = 0;
}

void sterna_gpu_cache_open(sterna_gpu_cache *cache, const char *name, const sterna_host *host)
{
    const char *own = sterna_env_get(STERNA_ENV_CACHE), *xdg = sterna_sys_getenv("XDG_CACHE_HOME"),
               *home = sterna_sys_getenv("HOME");
    *cache = (sterna_gpu_cache){.host = host, .bound = STERNA_GPU_CACHE_BYTES};
    if (own)
        set_folder(cache, own, "", name);
    else if (xdg && xdg[0] == '/')
        set_folder(cache, xdg, "/sterna", name);
    else if (home)
        set_folder(cache, home, "/.cache/sterna", name);
}

static void put_size(uint8_t out[8], uint64_t size)
{
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(size >> (8 * i));
}

/* The header of a file with these bytes, and the file's path. */
static void describe(const sterna_gpu_cache *cache, const void *key, size_t key_bytes, cache_header *header,
                     char *path, size_t path_bytes)
{
    char hex[2 * STERNA_HASH_BYTES + 1];
    memset(header, 0, sizeof *header);
    memcpy(header->magic, magic, sizeof magic);
    sterna_sha256_once(key, key_bytes, header->key);
    sterna_hash_hex(header->key, hex);
    snprintf(path, path_bytes, "%s/%s", cache->folder, hex);
}

bool sterna_gpu_cache_load(const sterna_gpu_cache *cache, const void *key, size_t key_bytes,
                           sterna_gpu_blob *blob)
{
    char path[sizeof cache->folder + 80], text[sizeof path + 80];
    cache_header header;
    sterna_mapping file = {0};
    if (!cache->folder[0]) return false;
    describe(cache, key, key_bytes, &header, path, sizeof path);
    /* Read, not mapped: another program may write over the file in place. */
    if (sterna_sys_read(path, LARGEST_FILE, &file, NULL) != STERNA_OK) return false;
    if (file.size > sizeof header) {
        size_t bytes = (size_t)file.size - sizeof header;
        put_size(header.size, bytes);
        sterna_sha256_once(file.data + sizeof header, bytes, header.blob);
        if (memcmp(&header, file.data, sizeof header) == 0) {
            *blob = (sterna_gpu_blob){file.data + sizeof header, bytes, file};
            return true;
        }
    }
    sterna_sys_unmap(&file);
    snprintf(text, sizeof text, "%s: damaged, so it is not used; compiling anew", path);
    if (cache->host && cache->host->log) cache->host->log(cache->host->context, 2, text);
    return false;
}

/* "ca97...48bb", or the same with the suffix of a writer that is at work or has died: ".tmp-123" (base/sys.c). */
static bool is_ours(const char *name)
{
    const size_t digits = strspn(name, "0123456789abcdef");
    const char *suffix = name + digits;
    if (digits != 2 * STERNA_HASH_BYTES) return false;
    if (!*suffix) return true;
    if (strncmp(suffix, ".tmp-", 5) != 0 || !suffix[5]) return false;
    return suffix[5 + strspn(suffix + 5, "0123456789")] == 0;
}

/* The oldest files of a folder, the oldest of all first, and what all of them have together. */
enum { FEW = 32, NAME_BYTES = 100 };
typedef struct old_file {
    char name[NAME_BYTES];
    uint64_t bytes;
    int64_t modified;
} old_file;
typedef struct old_files {
    uint64_t total;
    int64_t newest; /* when the last of all was modified: about now */
    uint32_t n;
    old_file files[FEW];
} old_files;

static void note_file(void *context, const sterna_file_info *file)
{
    old_files *old = context;
    uint32_t at = old->n;
    if (!is_ours(file->name) || strlen(file->name) >= NAME_BYTES) return;
    old->total += file->bytes;
    if (file->modified > old->newest) old->newest = file->modified;
    while (at > 0 && file->modified < old->files[at - 1].modified) at--;
    if (at == FEW) return;
    if (old->n < FEW) old->n++;
    memmove(&old->files[at + 1], &old->files[at], (old->n - at - 1) * sizeof old->files[0]);
    snprintf(old->files[at].name, sizeof old->files[at].name, "%s", file->name);
    old->files[at].bytes = file->bytes;
    old->files[at].modified = file->modified;
}

/* A writer's file that may still be written to. */
static bool in_work(const old_file *file, int64_t now)
{
    const int64_t hour = 3600ll * 1000000000;
    return file->name[2 * STERNA_HASH_BYTES] && file->modified > now - hour;
}

/* Removes the oldest files but `kept` until the rest is within the bound. Whoever does the same meanwhile removes the same
 * files; who reads one of them has it open, or compiles. */
static void keep_bound(const sterna_gpu_cache *cache, const char *kept)
{
    for (;;) {
        old_files old = {.n = 0};
        uint32_t removed = 0;
        if (sterna_sys_list_files(cache->folder, note_file, &old, NULL) != STERNA_OK) return;
        for (uint32_t i = 0; i < old.n && old.total > cache->bound; i++) {
            char path[sizeof cache->folder + NAME_BYTES];
            if (strcmp(old.files[i].name, kept) == 0 || in_work(&old.files[i], old.newest)) continue;
            snprintf(path, sizeof path, "%s/%s", cache->folder, old.files[i].name);
            if (sterna_sys_remove(path, NULL) != STERNA_OK) continue;
            old.total -= old.files[i].bytes;
            removed++;
        }
        if (old.total <= cache->bound || removed == 0) return;
    }
}

bool sterna_gpu_cache_store(const sterna_gpu_cache *cache, const void *key, size_t key_bytes,
                            const void *data, size_t bytes)
{
    char path[sizeof cache->folder + 80];
    cache_header header;
    sterna_writer *writer;
    if (!cache->folder[0] || bytes == 0 || bytes > LARGEST_FILE - sizeof header) return false;
    describe(cache, key, key_bytes, &header, path, sizeof path);
    put_size(header.size, bytes);
    sterna_sha256_once(data, bytes, header.blob);
    if (sterna_sys_make_folder(cache->folder, NULL) != STERNA_OK ||
        sterna_writer_open(path, &writer, NULL) != STERNA_OK)
        return false;
    if (sterna_writer_write(writer, &header, sizeof header, NULL) != STERNA_OK ||
        sterna_writer_write(writer, data, bytes, NULL) != STERNA_OK) {
        sterna_writer_abandon(writer);
        return false;
    }
    if (sterna_writer_commit(writer, NULL) != STERNA_OK) return false;
    keep_bound(cache, strrchr(path, '/') + 1);
    return true;
}

void sterna_gpu_blob_free(sterna_gpu_blob *blob)
{
    if (blob->file.data) sterna_sys_unmap(&blob->file);
    *blob = (sterna_gpu_blob){0};
}
