/* Merkle tree over 1 MiB leaves. Leaves are hashed by helpers taking turns; inner nodes by the caller. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/thread.h"
#include <stdatomic.h>
#include <string.h>

enum { MAX_HELPERS = 16 };

typedef struct leaf_work {
    const uint8_t *data;
    uint64_t bytes, leaves;
    uint8_t (*hashes)[STERNA_HASH_BYTES];
    _Atomic uint64_t next;
} leaf_work;

void sterna_sha256_once(const void *data, size_t bytes, uint8_t out[STERNA_HASH_BYTES])
{
    sterna_sha256 state;
    sterna_sha256_init(&state);
    sterna_sha256_update(&state, data, bytes);
    sterna_sha256_final(&state, out);
}

static void *hash_leaves(void *argument)
{
    leaf_work *work = argument;
    for (;;) {
        uint64_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->leaves) return NULL;
        uint64_t start = i * STERNA_LEAF_BYTES, left = work->bytes - start;
        sterna_sha256 state;
        sterna_sha256_init(&state);
        sterna_sha256_update(&state, "\0", 1);
        sterna_sha256_update(&state, work->data + start,
                             (size_t)(left < STERNA_LEAF_BYTES ? left : STERNA_LEAF_BYTES));
        sterna_sha256_final(&state, work->hashes[i]);
    }
}

static void subtree(uint8_t (*leaves)[STERNA_HASH_BYTES], uint64_t n, uint8_t out[STERNA_HASH_BYTES])
{
    if (n == 1) {
        memcpy(out, leaves[0], STERNA_HASH_BYTES);
        return;
    }
    uint64_t split = 1;
    while (split * 2 < n) split *= 2;
    uint8_t left[STERNA_HASH_BYTES], right[STERNA_HASH_BYTES];
    subtree(leaves, split, left);
    subtree(leaves + split, n - split, right);
    sterna_sha256 state;
    sterna_sha256_init(&state);
    sterna_sha256_update(&state, "\1", 1);
    sterna_sha256_update(&state, left, sizeof left);
    sterna_sha256_update(&state, right, sizeof right);
    sterna_sha256_final(&state, out);
}

int sterna_merkle_root(const uint8_t *data, uint64_t bytes, uint32_t threads, uint8_t root[STERNA_HASH_BYTES])
{
    if (bytes == 0) {
        sterna_sha256_once("", 0, root);
        return 0;
    }
    leaf_work work = {.data = data, .bytes = bytes, .leaves = (bytes - 1) / STERNA_LEAF_BYTES + 1};
    work.hashes = sterna_alloc((size_t)work.leaves, STERNA_HASH_BYTES);
    if (!work.hashes) return -1;
    sterna_thread helper[MAX_HELPERS];
    uint32_t started = 0, wanted = threads > 1 ? threads - 1 : 0;
    if (wanted > MAX_HELPERS) wanted = MAX_HELPERS;
    /* A refused thread only makes this slower: the caller hashes what is left. */
    while (started < wanted && started + 1 < work.leaves &&
           sterna_thread_start(&helper[started], hash_leaves, &work) == STERNA_OK)
        started++;
    hash_leaves(&work);
    for (uint32_t i = 0; i < started; i++) sterna_thread_join(&helper[i]);
    subtree(work.hashes, work.leaves, root);
    sterna_free(work.hashes);
    return 0;
}

void sterna_hash_hex(const uint8_t hash[STERNA_HASH_BYTES], char text[2 * STERNA_HASH_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < STERNA_HASH_BYTES; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[2 * STERNA_HASH_BYTES] = 0;
}
