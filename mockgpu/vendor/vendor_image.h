/* Images of modules. Owns: what they are told by, and which kernels stand in them. The formats: fatbin as nvcc writes it
 * (a header of 16 bytes with magic number, header size and size, then entries), PTX text (PTX ISA, "Source Format"), ELF
 * (System V gABI) with NVIDIA's and AMD's machine numbers 190 and 224 and AMD's flags (LLVM, "User Guide for AMDGPU Backend"). */
#ifndef STERNA_VENDOR_IMAGE_H
#define STERNA_VENDOR_IMAGE_H

#include "vendor.h"

vendor_code sterna_vendor_cuda_check(const uint8_t *image, uint32_t warp, uint64_t *bytes, char *why,
                                     size_t size);
bool sterna_vendor_cuda_has(const uint8_t *image, uint64_t bytes, const char *kernel);
vendor_code sterna_vendor_hip_check(const uint8_t *image, uint32_t warp, uint64_t *bytes, char *why,
                                    size_t size);
bool sterna_vendor_hip_has(const uint8_t *image, uint64_t bytes, const char *kernel);
/* The architecture that a device of the mock libamdhip64 has: "gfx90a" where waves have 64 items, else "gfx1030". */
const char *sterna_vendor_gfx(uint32_t warp);

#endif
