/* A network that was compiled to a shared library. Link against network.so, or load it. */
#ifndef TACHOGRAPH_H
#define TACHOGRAPH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the network takes and gives, in JSON: {"inputs": [{"name", "dtype", "shape"}, ...], "outputs": [...]}. */
const char *tachograph_signature(void);

/* Memory of one run at a time: as many as there are threads that run the network. Null where there is no memory. */
void *tachograph_open(void);
void tachograph_close(void *arena);

/* Bytes of that memory. */
uint64_t tachograph_arena_bytes(void);

/* Runs the network once. Arrays are row-major; an input that begins at a multiple of 64 bytes is not copied.
   0 where all went well. */
int tachograph_run(void *arena, const void *const *inputs, void *const *outputs);

/* The same, with the milliseconds of each of tachograph_steps() steps. */
int tachograph_steps(void);
int tachograph_time(void *arena, const void *const *inputs, void *const *outputs, double *ms);

#ifdef __cplusplus
}
#endif

#endif
