# cmake -DOUTPUT=FILE.cc -DFOLDER=FOLDER -P EmbedFiles.cmake: the files of FOLDER as src/sidecar/page_files.h has them.
file(GLOB files RELATIVE "${FOLDER}" "${FOLDER}/*")
list(SORT files)
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${files})
  file(READ "${FOLDER}/${file}" bytes HEX)
  file(SIZE "${FOLDER}/${file}" size)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  # A string of the whole file is longer than compilers have to take; neighbours are joined.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)" "\"\\1\"\n" bytes "${bytes}")
  string(APPEND arrays "constexpr char kPageFile${number}[] =\n\"\"\n${bytes};\n")
  string(APPEND rows "    {\"${file}\", {kPageFile${number}, ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "// Made of the files of ${FOLDER}.
#include \"sidecar/page_files.h\"

namespace ciaos::sidecar {
namespace {

${arrays}
constexpr PageFile kPageFiles[] = {
${rows}};

}  // namespace

std::span<const PageFile> page_files() { return kPageFiles; }

}  // namespace ciaos::sidecar
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
