# A file as C arrays, aligned as drivers read images; a zero byte that does not count stands behind, so that text is a
# string. Usage: cmake -DFILE=file -DOUT=file.c -DSYMBOL=name -P embed.cmake
file(READ ${FILE} bytes HEX)
file(SHA256 ${FILE} hash)
file(SIZE ${FILE} size)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hash "${hash}")
file(WRITE ${OUT} "/* Made by embed.cmake. */
#include <stddef.h>
extern const unsigned char ${SYMBOL}[], ${SYMBOL}_sha256[32];
extern const size_t ${SYMBOL}_bytes;
const size_t ${SYMBOL}_bytes = ${size};
const unsigned char ${SYMBOL}_sha256[32] = {${hash}};
_Alignas(64) const unsigned char ${SYMBOL}[] = {
${bytes}0};
")
