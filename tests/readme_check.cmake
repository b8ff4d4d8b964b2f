# The C++ program that README.md shows is the one that is compiled and run: cmake -DROOT=... -P readme_check.cmake
file(READ "${ROOT}/README.md" readme)
file(READ "${ROOT}/tests/readme_example.cpp" example)
string(FIND "${readme}" "```cpp\n${example}```" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README.md does not show tests/readme_example.cpp word for word, between ```cpp and ```")
endif()
