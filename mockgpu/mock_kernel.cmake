# Turns preprocessed kernel text into a C file: what the kernel is compiled behind, its hash, the text itself.
# Usage: cmake -DTEXT=file -DPRELUDE=file -DOUT=file -P mock_kernel.cmake
file(READ ${TEXT} text)
file(READ ${PRELUDE} prelude)
string(SHA256 hash "${prelude}${text}")
string(REGEX REPLACE "(..)" "0x\\1, " bytes ${hash})
file(WRITE ${OUT} "/* Made by mock_kernel.cmake from kernel text with SHA-256 ${hash}. */
#include \"mock_item.h\"
static const uint8_t kernel_hash[32] = {${bytes}};
extern const mock_kernel KERNEL_SYMBOL;
")
file(APPEND ${OUT} "${text}")
