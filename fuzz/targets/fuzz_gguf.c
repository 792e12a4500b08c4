/* The container. Any bytes: our reader and the second one give the same verdict and the same places, mapped
 * whole or by the directory alone; memory stays in proportion and comes back. */
#include "fuzz.h"

int sterna_fuzz_gguf(const uint8_t *data, size_t size)
{
    sterna_fuzz_gguf_agree(data, size);
    return 0;
}
