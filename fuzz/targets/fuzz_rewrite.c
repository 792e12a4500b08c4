/* Reader and writer: a file that opens is written again key by key and tensor by tensor; the copy opens and
 * holds the same. A file of version 3 without slack is the copy, byte for byte. */
#include "base/mem.h"
#include "fuzz.h"
#include "gguf/gguf.h"
#include <string.h>
#include <unistd.h>

static bool same_text(sterna_gguf_text a, sterna_gguf_text b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static void compare(const sterna_gguf *a, const sterna_gguf *b)
{
    uint64_t n, m;
    const sterna_gguf_value *v = sterna_gguf_values(a, &n), *w = sterna_gguf_values(b, &m);
    FUZZ_REQUIRE(n == m, "another number of keys");
    for (uint64_t i = 0; i < n; i++)
        FUZZ_REQUIRE(same_text(v[i].key, w[i].key) && v[i].type == w[i].type &&
                         v[i].element == w[i].element && v[i].count == w[i].count &&
                         v[i].bytes == w[i].bytes && memcmp(v[i].data, w[i].data, v[i].bytes) == 0,
                     "key %llu is another", (unsigned long long)i);
    const sterna_gguf_tensor *t = sterna_gguf_tensors(a, &n), *u = sterna_gguf_tensors(b, &m);
    FUZZ_REQUIRE(n == m && sterna_gguf_alignment(a) == sterna_gguf_alignment(b), "another directory");
    for (uint64_t i = 0; i < n; i++)
        FUZZ_REQUIRE(same_text(t[i].name, u[i].name) && t[i].format == u[i].format &&
                         t[i].n_dims == u[i].n_dims && memcmp(t[i].ne, u[i].ne, sizeof t[i].ne) == 0 &&
                         t[i].bytes == u[i].bytes && memcmp(t[i].data, u[i].data, t[i].bytes) == 0,
                     "tensor %llu is another", (unsigned long long)i);
}

static void rewrite(const sterna_gguf *file, const char *path)
{
    sterna_gguf_writer *writer = NULL;
    sterna_gguf *copy = NULL;
    sterna_fault fault = {0};
    char name[STERNA_GGUF_MAX_NAME + 1];
    uint64_t n;
    sterna_status status = sterna_gguf_writer_create(&writer, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
    const sterna_gguf_value *values = sterna_gguf_values(file, &n);
    for (uint64_t i = 0; i < n; i++) sterna_gguf_put_value(writer, &values[i]);
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &n);
    for (uint64_t i = 0; i < n; i++) {
        memcpy(name, tensors[i].name.data, tensors[i].name.length);
        name[tensors[i].name.length] = 0;
        sterna_gguf_put_tensor(writer, name, tensors[i].format, tensors[i].n_dims, tensors[i].ne, NULL,
                               (void *)(uintptr_t)tensors[i].data);
    }
    status = sterna_gguf_writer_finish(writer, path, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
    sterna_gguf_writer_destroy(writer);
    status = sterna_gguf_open(path, STERNA_GGUF_MAP, &copy, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "the copy: %s", fault.text);
    compare(file, copy);
    sterna_gguf_close(copy);
}

int sterna_fuzz_rewrite(const uint8_t *data, size_t size)
{
    char path[64];
    sterna_gguf *file = NULL;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    if (!sterna_fuzz_gguf_agree(data, size)) return 0;
    sterna_fuzz_scratch_path("rewrite", path, sizeof path);
    if (sterna_gguf_open_memory(data, size, "input", 0, &file, &fault) == STERNA_OK) rewrite(file, path);
    sterna_gguf_close(file);
    unlink(path);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
