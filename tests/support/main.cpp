// Catch2 2 wants its main function compiled exactly once; Catch2 3 brings its own in Catch2::Catch2WithMain.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "tests/support/catch.h"
