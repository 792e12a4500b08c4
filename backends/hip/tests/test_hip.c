/* The HIP backend, unmodified, on the mock libamdhip64.so, with waves of 64. */
#include "gpu/stream/tests/stream_cases.h"

const sterna_backend_api *sterna_backend_hip_entry(uint32_t abi_version);

const stream_subject stream_tested = {"hip",
                                      "STERNA_HIP_LIBRARY",
                                      "mockgpu/vendor/hip/libamdhip64.so",
                                      "gfx90a",
                                      true,
                                      "HIP_VISIBLE_DEVICES",
                                      "see rocminfo",
                                      false,
                                      sterna_backend_hip_entry};

#define STREAM_SETTINGS "seed=3,warp=64"
STREAM_TEST_PROGRAM
