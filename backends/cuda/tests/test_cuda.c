/* The CUDA backend, unmodified, on the mock libcuda.so.1. */
#include "gpu/stream/tests/stream_cases.h"

const sterna_backend_api *sterna_backend_cuda_entry(uint32_t abi_version);

const stream_subject stream_tested = {"cuda",
                                      "STERNA_CUDA_LIBRARY",
                                      "mockgpu/vendor/cuda/libcuda.so.1",
                                      "sm_90",
                                      false,
                                      "CUDA_VISIBLE_DEVICES",
                                      "see nvidia-smi",
                                      true,
                                      sterna_backend_cuda_entry};

#define STREAM_SETTINGS "seed=2"
STREAM_TEST_PROGRAM
