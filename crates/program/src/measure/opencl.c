/* Runs OpenCL kernels in a process of its own.
 *
 * Without an argument it prints the name of the device, its version, and on a line each how many threads a block may
 * have and how many bytes they may share. Else the file that the argument names is as that of `runner.c`, whose LIBRARY
 * is a file of OpenCL C here; WORK_BYTES is 0. Beside each lies a file that ends in `.launch` in place of its ending:
 *     BUFFERS SIZE...
 *     KERNELS
 *     NAME PREPARE BLOCKS_X Y Z THREADS_X Y Z ARGUMENTS NUMBER...
 * The numbers of arguments are those of inputs, outputs and buffers, one after the other. It exits with 4 where the
 * driver refuses the code, with 5 where the device refuses to run it, else with 3.
 *
 * The library is loaded at run time; the few functions and constants of OpenCL 1.2 that are needed are declared here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_ulong;
typedef void *object;

static cl_int (*platform_ids)(cl_uint, object *, cl_uint *);
static cl_int (*device_ids)(object, cl_ulong, cl_uint, object *, cl_uint *);
static cl_int (*device_info)(object, cl_uint, size_t, void *, size_t *);
static object (*create_context)(const intptr_t *, cl_uint, const object *, void *, void *, cl_int *);
static object (*create_queue)(object, object, cl_ulong, cl_int *);
static object (*create_program)(object, cl_uint, const char **, const size_t *, cl_int *);
static cl_int (*build_program)(object, cl_uint, const object *, const char *, void *, void *);
static cl_int (*build_info)(object, object, cl_uint, size_t, void *, size_t *);
static object (*create_kernel)(object, const char *, cl_int *);
static object (*create_buffer)(object, cl_ulong, size_t, void *, cl_int *);
static cl_int (*set_argument)(object, cl_uint, size_t, const void *);
static cl_int (*enqueue)(object, object, cl_uint, const size_t *, const size_t *, const size_t *, cl_uint, void *, void *);
static cl_int (*enqueue_read)(object, object, cl_uint, size_t, size_t, void *, cl_uint, void *, void *);
static cl_int (*finish)(object);

struct kernel {
  object kernel;
  int prepare;
  size_t global[3], local[3];
};
struct candidate {
  int kernels;
  struct kernel kernel[64];
};

static void end(int code, const char *what, cl_int error) {
  fprintf(stderr, "%s", what);
  if (error) fprintf(stderr, " (%d)", error);
  fprintf(stderr, "\n");
  exit(code);
}

static void die(const char *what) { end(3, what, 0); }

static void load(void) {
  const char *name = getenv("TACHOGRAPH_OPENCL");
  void *library = dlopen(name && *name ? name : "libOpenCL.so.1", RTLD_NOW);
  if (!library) die("there is no OpenCL library: install ocl-icd-libopencl1, and pocl-opencl-icd for the processor");
  const struct {
    void *function;
    const char *name;
  } functions[] = {
      {&platform_ids, "clGetPlatformIDs"}, {&device_ids, "clGetDeviceIDs"},
      {&device_info, "clGetDeviceInfo"},   {&create_context, "clCreateContext"},
      {&create_queue, "clCreateCommandQueue"}, {&create_program, "clCreateProgramWithSource"},
      {&build_program, "clBuildProgram"},  {&build_info, "clGetProgramBuildInfo"},
      {&create_kernel, "clCreateKernel"},  {&create_buffer, "clCreateBuffer"},
      {&set_argument, "clSetKernelArg"},   {&enqueue, "clEnqueueNDRangeKernel"},
      {&enqueue_read, "clEnqueueReadBuffer"}, {&finish, "clFinish"},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = dlsym(library, functions[i].name);
    if (!found) die(functions[i].name);
    memcpy(functions[i].function, &found, sizeof found);
  }
}

/* The first device of any platform. */
static object first_device(void) {
  object platforms[16], device;
  cl_uint count = 0;
  if (platform_ids(16, platforms, &count)) count = 0;
  for (cl_uint i = 0; i < count && i < 16; i++)
    if (!device_ids(platforms[i], 0xffffffff, 1, &device, 0)) return device;
  die("there is no OpenCL device: install the driver of the GPU, or pocl-opencl-icd for the processor");
  return 0;
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

static object context, device, queue;

static object buffer(char *memory, size_t bytes) {
  cl_int error;
  /* CL_MEM_USE_HOST_PTR: on a processor it is the memory itself, and what lies behind it is not to be touched. */
  object made = create_buffer(context, 1 << 3, bytes ? bytes : 1, memory, &error);
  if (error) end(5, "no buffer", error);
  return made;
}

static object compiled(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) die("no code");
  size_t length = ftell(file);
  char *text = calloc(length + 1, 1);
  rewind(file);
  if (fread(text, 1, length, file) != length) die("code too short");
  fclose(file);
  const char *texts[] = {text};
  cl_int error;
  object program = create_program(context, 1, texts, &length, &error);
  if (error) end(4, "no program", error);
  error = build_program(program, 1, &device, "-cl-std=CL1.2", 0, 0);
  if (error) {
    static char log[4000];
    build_info(program, device, 0x1183, sizeof log - 1, log, 0);
    end(4, log, error);
  }
  free(text);
  return program;
}

static void launch(struct candidate *c, int prepare) {
  for (int i = 0; i < c->kernels; i++) {
    struct kernel *k = &c->kernel[i];
    if (k->prepare != prepare) continue;
    cl_int error = enqueue(queue, k->kernel, 3, 0, k->global, k->local, 0, 0, 0);
    if (error) end(5, "refused", error);
  }
  cl_int error = finish(queue);
  if (error) end(3, "failed", error);
}

int main(int argc, char **argv) {
  load();
  device = first_device();
  if (argc < 2) {
    static char name[256], version[256];
    size_t threads = 0;
    cl_ulong bytes = 0;
    device_info(device, 0x102b, sizeof name - 1, name, 0);
    device_info(device, 0x102f, sizeof version - 1, version, 0);
    device_info(device, 0x1004, sizeof threads, &threads, 0);
    device_info(device, 0x1023, sizeof bytes, &bytes, 0);
    printf("%s\n%s\n%zu\n%lu\n", name, version, threads, (unsigned long)bytes);
    return 0;
  }
  cl_int error;
  context = create_context(0, 1, &device, 0, 0, &error);
  if (error) end(3, "no context", error);
  queue = create_queue(context, device, 0, &error);
  if (error) end(3, "no queue", error);
  FILE *spec = fopen(argv[1], "r");
  size_t flush, work;
  double warmup, least;
  int repeats, count = 0, inputs, outputs;
  static struct candidate candidates[256];
  static char code[4096], input[4096], output[4096], path[4200], name[256];
  if (!spec || fscanf(spec, "%zu %lf %lf %d", &flush, &warmup, &least, &repeats) != 4) die("no settings");
  while (count < 256 && fscanf(spec, "%4095s %zu %4095s %d", code, &work, input, &inputs) == 4) {
    struct candidate *c = &candidates[count++];
    object buffers[256];
    char *memory[256];
    size_t bytes[256];
    int n = 0, owned;
    FILE *file = fopen(input, "rb");
    if (!file) die("no inputs");
    for (; n < inputs && n < 64; n++) {
      if (fscanf(spec, "%zu", &bytes[n]) != 1) die("no size");
      memory[n] = guarded(bytes[n]);
      if (fread(memory[n], 1, bytes[n], file) != bytes[n]) die("inputs too short");
    }
    fclose(file);
    if (fscanf(spec, "%4095s %d", output, &outputs) != 2) die("no outputs");
    for (int i = 0; i < outputs && n < 128; i++, n++) {
      if (fscanf(spec, "%zu", &bytes[n]) != 1) die("no size");
      memory[n] = guarded(bytes[n]);
      memset(memory[n], 0xff, bytes[n]);
    }
    strcpy(path, code);
    char *ending = strrchr(path, '.');
    strcpy(ending ? ending : path + strlen(path), ".launch");
    FILE *plan = fopen(path, "r");
    if (!plan || fscanf(plan, "%d", &owned) != 1) die("no launches");
    for (int i = 0; i < owned && n < 256; i++, n++) {
      if (fscanf(plan, "%zu", &bytes[n]) != 1) die("no size");
      memory[n] = guarded(bytes[n]);
      memset(memory[n], 0xff, bytes[n]);
    }
    for (int i = 0; i < n; i++) buffers[i] = buffer(memory[i], bytes[i]);
    object program = compiled(code);
    if (fscanf(plan, "%d", &c->kernels) != 1 || c->kernels > 64) die("no kernels, or too many");
    for (int i = 0; i < c->kernels; i++) {
      struct kernel *k = &c->kernel[i];
      int arguments;
      if (fscanf(plan, "%255s %d", name, &k->prepare) != 2) die("no kernel");
      for (int d = 0; d < 3; d++)
        if (fscanf(plan, "%zu", &k->global[d]) != 1) die("no blocks");
      for (int d = 0; d < 3; d++) {
        if (fscanf(plan, "%zu", &k->local[d]) != 1) die("no threads");
        k->global[d] *= k->local[d];
      }
      k->kernel = create_kernel(program, name, &error);
      if (error) end(4, name, error);
      if (fscanf(plan, "%d", &arguments) != 1) die("no arguments");
      for (int a = 0; a < arguments; a++) {
        int at;
        if (fscanf(plan, "%d", &at) != 1 || at < 0 || at >= n) die("no argument");
        error = set_argument(k->kernel, a, sizeof(object), &buffers[at]);
        if (error) end(5, "argument", error);
      }
    }
    fclose(plan);
    launch(c, 1);
    launch(c, 0);
    if (strcmp(output, "-")) {
      file = fopen(output, "wb");
      if (!file) die("cannot write outputs");
      for (int i = inputs; i < inputs + outputs; i++) {
        error = bytes[i] ? enqueue_read(queue, buffers[i], 1, 0, bytes[i], memory[i], 0, 0, 0) : 0;
        if (error) end(3, "cannot read outputs", error);
        if (fwrite(memory[i], 1, bytes[i], file) != bytes[i]) die("cannot write outputs");
      }
      if (fclose(file)) die("cannot write outputs");
    }
  }
  if (repeats <= 0 || count == 0) return 0;
  /* Caches are those of the device, and are left as they are. */
  double *times = calloc((size_t)count * repeats, sizeof *times);
  long *runs = calloc(count, sizeof *runs);
  for (int i = 0; i < count; i++) {
    double start = now(), stop = start;
    long n = 0;
    while (stop - start < warmup || n < 2) {
      launch(&candidates[i], 0);
      n++;
      stop = now();
    }
    runs[i] = (long)(least / ((stop - start) / n)) + 1;
  }
  for (int r = 0; r < repeats; r++) {
    for (int i = 0; i < count; i++) {
      launch(&candidates[i], 0);
      double start = now();
      for (long n = 0; n < runs[i]; n++) launch(&candidates[i], 0);
      times[(size_t)i * repeats + r] = (now() - start) / runs[i];
    }
  }
  for (int i = 0; i < count; i++) {
    for (int r = 0; r < repeats; r++) printf("%.1f ", times[(size_t)i * repeats + r]);
    printf("\n");
  }
  return 0;
}
