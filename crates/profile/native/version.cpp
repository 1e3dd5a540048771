// The version of libtorch, from its own headers.

#include <torch/headeronly/version.h>

// A text that lives as long as the program.
extern "C" const char* tachograph_libtorch_version() { return TORCH_VERSION; }
