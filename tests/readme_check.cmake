# The C++ programs that README.md shows are those that are compiled and run: cmake -DROOT=... -P readme_check.cmake
file(READ "${ROOT}/README.md" readme)
foreach(name experts operation)
  file(READ "${ROOT}/tests/examples/${name}.cpp" example)
  string(FIND "${readme}" "```cpp\n${example}```" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not show tests/examples/${name}.cpp word for word, between ```cpp and ```")
  endif()
endforeach()
