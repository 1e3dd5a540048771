/* What every runner begins with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void end(int code, const char *what, int error) {
  fprintf(stderr, "%s", what);
  if (error) fprintf(stderr, " (%d)", error);
  fprintf(stderr, "\n");
  exit(code);
}

static void die(const char *what) { end(3, what, 0); }

/* Memory that ends where a page begins that nobody may touch. */
static char *guarded(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t size = (bytes + 63) / 64 * 64, whole = (size + page - 1) / page * page;
  char *start = mmap(0, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) die("no memory");
  if (mprotect(start + whole, page, PROT_NONE)) die("mprotect");
  return start + whole - size;
}

struct kernel {
  void *function;
  int prepare, arguments, argument[64];
  size_t blocks[3], threads[3], shared;
};

struct candidate {
  /* Inputs, outputs, then what is neither. */
  int inputs, outputs, buffers;
  /* Nanoseconds of its first run, or of a second if that was quicker. */
  double shortest;
  char *memory[192];
  size_t bytes[192];
  /* Of a library. */
  void (*prepare)(char *const *, char *), (*run)(char *const *, char *);
  /* Of a device. */
  int kernels;
  struct kernel kernel[64];
  uint64_t buffer[192];
};

static char *add_memory(struct candidate *c, size_t bytes) {
  if (c->buffers == 192) die("too many buffers");
  c->bytes[c->buffers] = bytes;
  return c->memory[c->buffers++] = guarded(bytes);
}
