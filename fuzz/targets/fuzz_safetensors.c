/* SafeTensors: refused with a sentence, or tensors that lie in the file, cover its data section without gap or overlap,
 * have the size of their shape and type, and are found by name. */
#include "base/mem.h"
#include "base/size.h"
#include "convert/safetensors.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static uint64_t value_bytes(sterna_st_type type)
{
    static const uint8_t bytes[] = {
#define X(name, size) [STERNA_ST_##name] = size,
        STERNA_SAFETENSORS_TYPES(X)
#undef X
    };
    return bytes[type];
}

static int by_place(const void *a, const void *b)
{
    const sterna_st_tensor *const *x = a, *const *y = b;
    if ((*x)->data != (*y)->data) return (*x)->data < (*y)->data ? -1 : 1;
    return (*x)->bytes < (*y)->bytes ? -1 : (*x)->bytes > (*y)->bytes;
}

static void check_tensor(const sterna_safetensors *file, const sterna_st_tensor *t, const uint8_t *data,
                         size_t size)
{
    uint64_t count = 1;
    bool fits = t->n_dims <= STERNA_ST_MAX_DIMS;
    FUZZ_REQUIRE(fits, "%u dimensions", t->n_dims);
    for (uint32_t i = 0; i < t->n_dims; i++) fits = fits && sterna_mul_u64(count, t->shape[i], &count);
    FUZZ_REQUIRE(fits && sterna_mul_u64(count, value_bytes(t->type), &count) && count == t->bytes,
                 "%s: %llu bytes", t->name, (unsigned long long)t->bytes);
    FUZZ_REQUIRE(t->data >= data && t->data <= data + size && t->bytes <= (uint64_t)(data + size - t->data),
                 "%s lies outside the file", t->name);
    FUZZ_REQUIRE(sterna_safetensors_find(file, t->name) == t, "%s is not found by its name", t->name);
    FUZZ_REQUIRE(sterna_st_type_name(t->type)[0] != 0, "a type without a name");
}

/* Sorted by place, each begins where the one before ends, from behind the header to the end of the file. */
static void check_cover(const sterna_st_tensor *all, uint32_t n, const uint8_t *data, size_t size)
{
    uint64_t header = 0;
    memcpy(&header, data, 8);
    const uint8_t *at = data + 8 + header;
    const sterna_st_tensor **list = sterna_alloc(n + 1, sizeof *list);
    FUZZ_REQUIRE(list, "out of memory");
    for (uint32_t i = 0; i < n; i++) list[i] = &all[i];
    if (n) qsort(list, n, sizeof *list, by_place);
    for (uint32_t i = 0; i < n; i++) {
        FUZZ_REQUIRE(list[i]->data == at, "%s does not begin where the one before ends", list[i]->name);
        at += list[i]->bytes;
    }
    FUZZ_REQUIRE(at == data + size, "%lld bytes belong to no tensor", (long long)(data + size - at));
    sterna_free(list);
}

int sterna_fuzz_safetensors(const uint8_t *data, size_t size)
{
    sterna_safetensors *file = NULL;
    sterna_fault fault = {0};
    uint32_t n = 0;
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_safetensors_open_memory(data, size, "input", &file, &fault);
    if (status == STERNA_OK) {
        const sterna_st_tensor *all = sterna_safetensors_all(file, &n);
        for (uint32_t i = 0; i < n; i++) {
            check_tensor(file, &all[i], data, size);
            FUZZ_REQUIRE(i == 0 || strcmp(all[i - 1].name, all[i].name) < 0, "not sorted by name");
        }
        check_cover(all, n, data, size);
    } else {
        sterna_fuzz_refusal("open", status, &fault);
    }
    sterna_safetensors_close(file);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
