// What the bindings are generated from. The paths are those of the patched tree.
#include "llama.h"
#include "gguf.h"
#include "llama-swaa-range.h"
#include "llama-swaa-layers.h"
