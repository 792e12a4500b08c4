/* config.json: refused with a sentence, or numbers that agree with each other. */
#include "base/mem.h"
#include "convert/hf_config.h"
#include "fuzz.h"
#include <math.h>

int sterna_fuzz_config(const uint8_t *data, size_t size)
{
    sterna_hf_config c;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_hf_config_read(sterna_fuzz_file(data, size), &c, &fault);
    if (status == STERNA_OK) {
        FUZZ_REQUIRE(c.architecture && c.layers && c.embd && c.ffn && c.vocab && c.context && c.head_dim,
                     "a size of zero");
        FUZZ_REQUIRE(c.kv_heads && c.heads % c.kv_heads == 0, "%u heads, %u for keys", c.heads, c.kv_heads);
        FUZZ_REQUIRE(c.rope_base > 0 && isfinite(c.rope_base) && c.epsilon > 0 && isfinite(c.epsilon),
                     "%g, %g", (double)c.rope_base, (double)c.epsilon);
        FUZZ_REQUIRE((c.bos == UINT32_MAX || c.bos < c.vocab) && (c.eos == UINT32_MAX || c.eos < c.vocab),
                     "ids %u and %u of %u", c.bos, c.eos, c.vocab);
    } else {
        sterna_fuzz_refusal("read", status, &fault);
    }
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
