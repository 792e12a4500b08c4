/* The result codes by name, for tests. */
#ifndef STERNA_VENDOR_CODES_H
#define STERNA_VENDOR_CODES_H

enum {
#define CODE(name, number, cuda, hip, sentence) CODE_##name = number,
#include "vendor/codes.def"
#undef CODE
};

#endif
