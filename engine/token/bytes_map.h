/* The printable characters that stand for bytes in byte-level BPE vocabularies. Owns: that bijection. */
#ifndef STERNA_BYTES_MAP_H
#define STERNA_BYTES_MAP_H

#include <stddef.h>
#include <stdint.h>

/* Writes the one or two bytes of UTF-8 that stand for a byte; returns how many. */
size_t sterna_bytes_map_encode(uint8_t byte, char out[2]);
/* The byte that code point stands for, or -1. */
int sterna_bytes_map_decode(uint32_t code);

#endif
