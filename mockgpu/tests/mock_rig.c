/* Making, launching, closing. */
#include "mock_rig.h"

bool rig_open(sterna_test *t, rig *r, const char *variant, const sterna_host *host)
{
    uint32_t values[BLOCK_WORDS]; /* the whole block, though WORDS of it are bound */
    const sterna_gpu_driver *d = &sterna_mock_driver;
    for (uint32_t i = 0; i < BLOCK_WORDS; i++) values[i] = i * 3 + 1;
    *r = (rig){0};
    bool ok = d->open(host, variant, &r->gpu, &r->limits, &r->fault) == STERNA_OK &&
              d->alloc(r->gpu, 4096, &r->x, &r->fault) == STERNA_OK &&
              d->alloc(r->gpu, 4096, &r->y, &r->fault) == STERNA_OK &&
              d->alloc(r->gpu, 4096, &r->status, &r->fault) == STERNA_OK &&
              d->upload(r->gpu, r->x, 0, values, sizeof values, &r->fault) == STERNA_OK &&
              d->clear(r->gpu, r->status, 0, 4, &r->fault) == STERNA_OK;
    if (!EXPECT(t, ok)) sterna_test_note(t, "%s", r->fault.text);
    return ok;
}

void rig_close(rig *r)
{
    const sterna_gpu_driver *d = &sterna_mock_driver;
    d->free(r->gpu, r->x);
    d->free(r->gpu, r->y);
    d->free(r->gpu, r->status);
    d->close(r->gpu);
}

sterna_status rig_launch(rig *r, const mock_kernel *kernel, sterna_gpu_memory x, sterna_gpu_memory y,
                         uint32_t tag)
{
    const sterna_gpu_range ranges[] = {{x, 0, WORDS * 4}, {y, 0, WORDS * 4}, {r->status, 0, 4}};
    const uint32_t words[] = {WORDS, 0};
    sterna_gpu_launch launch = {kernel, 4, 1, ranges, words, 3, 2, tag};
    return sterna_mock_driver.launch(r->gpu, &launch, &r->fault);
}

sterna_status rig_run(rig *r, const mock_kernel *kernel, uint32_t *tag)
{
    uint64_t fence;
    sterna_status status = rig_launch(r, kernel, r->x, r->y, 77);
    if (status == STERNA_OK) status = sterna_mock_driver.fence(r->gpu, &fence, &r->fault);
    return status == STERNA_OK ? sterna_mock_driver.wait(r->gpu, fence, 0, tag, &r->fault) : status;
}
