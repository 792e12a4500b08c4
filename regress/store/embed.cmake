# Writes the SQL of all migrations as a C file, so that the program carries its schema. Arguments: OUT, FILES (with ;).
set(rows "")
set(count 0)
set(text "/* Made by embed.cmake from regress/store/schema. */
#include \"store/store_private.h\"
")
foreach(file ${FILES})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND text "static const char migration_${count}[] = {\n${hex} 0};\n")
  string(APPEND rows "migration_${count}, ")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND text "const char *const sterna_store_migrations[] = {${rows}};\n")
string(APPEND text "const int sterna_store_migration_count = ${count};\n")
file(WRITE ${OUT} "${text}")
