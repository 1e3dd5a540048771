/* Runs kernels in a process of its own: a crash takes this process down and no other.
 *
 * The file named by the first argument has a line of settings,
 *     FLUSH_BYTES WARMUP_NS MIN_NS REPEATS
 * and for each kernel a line
 *     LIBRARY WORK_BYTES INPUT_FILE INPUTS SIZE... OUTPUT_FILE OUTPUTS SIZE...
 * Each kernel is run once and its outputs are written. Then, with REPEATS, all are timed in turn, REPEATS times, and a
 * line with their nanoseconds is printed for each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef void (*function)(void *const *, char *);
struct kernel {
  function prepare, run;
  void *args[64];
  char *work;
};

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(3);
}

/* Memory that ends where a page begins that nobody may touch. */
static char *guarded(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t size = (bytes + 63) / 64 * 64, whole = (size + page - 1) / page * page;
  char *start = mmap(0, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) die("no memory");
  if (mprotect(start + whole, page, PROT_NONE)) die("mprotect");
  return start + whole - size;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  FILE *spec = argc > 1 ? fopen(argv[1], "r") : 0;
  size_t flush;
  double warmup, least;
  int repeats, count = 0;
  static struct kernel kernels[256];
  static char library[4096], input[4096], output[4096];
  if (!spec || fscanf(spec, "%zu %lf %lf %d", &flush, &warmup, &least, &repeats) != 4) die("no settings");
  size_t work;
  int inputs, outputs;
  while (count < 256 && fscanf(spec, "%4095s %zu %4095s %d", library, &work, input, &inputs) == 4) {
    struct kernel *k = &kernels[count++];
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) die(dlerror());
    k->prepare = (function)dlsym(handle, "prepare");
    k->run = (function)dlsym(handle, "run");
    if (!k->prepare || !k->run) die("no functions");
    FILE *file = fopen(input, "rb");
    if (!file) die("no inputs");
    int n = 0;
    size_t bytes[64];
    for (; n < inputs && n < 64; n++) {
      if (fscanf(spec, "%zu", &bytes[n]) != 1) die("no size");
      k->args[n] = guarded(bytes[n]);
      if (fread(k->args[n], 1, bytes[n], file) != bytes[n]) die("inputs too short");
    }
    fclose(file);
    if (fscanf(spec, "%4095s %d", output, &outputs) != 2) die("no outputs");
    for (int i = 0; i < outputs && n < 64; i++, n++) {
      if (fscanf(spec, "%zu", &bytes[n]) != 1) die("no size");
      k->args[n] = guarded(bytes[n]);
      memset(k->args[n], 0xff, bytes[n]);
    }
    k->work = guarded(work + 64);
    memset(k->work, 0xff, work);
    k->prepare(k->args, k->work);
    k->run(k->args, k->work);
    if (strcmp(output, "-")) {
      file = fopen(output, "wb");
      if (!file) die("cannot write outputs");
      for (int i = inputs; i < n; i++)
        if (fwrite(k->args[i], 1, bytes[i], file) != bytes[i]) die("cannot write outputs");
      if (fclose(file)) die("cannot write outputs");
    }
  }
  if (repeats <= 0 || count == 0) return 0;
  char *cold = flush ? guarded(flush) : 0;
  double *times = calloc((size_t)count * repeats, sizeof *times);
  long *runs = calloc(count, sizeof *runs);
  for (int i = 0; i < count; i++) {
    struct kernel *k = &kernels[i];
    double start = now(), end = start;
    long n = 0;
    while (end - start < warmup || n < 2) {
      k->run(k->args, k->work);
      n++;
      end = now();
    }
    double each = (end - start) / n;
    runs[i] = flush ? 1 : (long)(least / each) + 1;
  }
  for (int r = 0; r < repeats; r++) {
    for (int i = 0; i < count; i++) {
      struct kernel *k = &kernels[i];
      if (flush) memset(cold, r, flush);
      else k->run(k->args, k->work);
      double start = now();
      for (long n = 0; n < runs[i]; n++) k->run(k->args, k->work);
      times[(size_t)i * repeats + r] = (now() - start) / runs[i];
    }
  }
  for (int i = 0; i < count; i++) {
    for (int r = 0; r < repeats; r++) printf("%.1f ", times[(size_t)i * repeats + r]);
    printf("\n");
  }
  return 0;
}
