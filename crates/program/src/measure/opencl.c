/* Runs OpenCL kernels.
 *
 * The library is loaded at run time; the few functions and constants of OpenCL 1.2 that are needed are declared here.
 */

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

static object context, device, queue;

static void open_device(void) {
  cl_int error;
  load();
  device = first_device();
  context = create_context(0, 1, &device, 0, 0, &error);
  if (error) end(3, "no context", error);
  queue = create_queue(context, device, 0, &error);
  if (error) end(3, "no queue", error);
}

/* Its name, its version, and how many threads a block may have and how many bytes they may share. */
static void describe(void) {
  static char name[256], version[256];
  size_t threads = 0;
  cl_ulong bytes = 0;
  device_info(device, 0x102b, sizeof name - 1, name, 0);
  device_info(device, 0x102f, sizeof version - 1, version, 0);
  device_info(device, 0x1004, sizeof threads, &threads, 0);
  device_info(device, 0x1023, sizeof bytes, &bytes, 0);
  printf("%s\n%s\n%zu\n%lu\n", name, version, threads, (unsigned long)bytes);
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
  /* Where nothing is timed, code need not be fast. */
  const char *plain = getenv("TACHOGRAPH_UNTIMED");
  error = build_program(program, 1, &device, plain ? "-cl-std=CL1.2 -cl-opt-disable" : "-cl-std=CL1.2", 0, 0);
  if (error) {
    static char log[4000];
    build_info(program, device, 0x1183, sizeof log - 1, log, 0);
    end(4, log, error);
  }
  free(text);
  return program;
}

static void *open_function(struct candidate *c, void *program, const char *name, struct kernel *k) {
  (void)c, (void)k;
  cl_int error;
  object made = create_kernel(program, name, &error);
  if (error) end(4, name, error);
  return made;
}

static void open_candidate(struct candidate *c, const char *path, size_t work) {
  (void)work;
  read_launches(c, path, compiled(path));
  for (int i = 0; i < c->buffers; i++) {
    cl_int error;
    /* CL_MEM_USE_HOST_PTR: on a processor it is the memory itself, and what lies behind it is not to be touched. */
    object made = create_buffer(context, 1 << 3, c->bytes[i] ? c->bytes[i] : 1, c->memory[i], &error);
    if (error) end(5, "no buffer", error);
    memcpy(&c->buffer[i], &made, sizeof made);
  }
  for (int i = 0; i < c->kernels; i++) {
    struct kernel *k = &c->kernel[i];
    for (int a = 0; a < k->arguments; a++) {
      cl_int error = set_argument(k->function, a, sizeof(object), &c->buffer[k->argument[a]]);
      if (error) end(5, "argument", error);
    }
  }
}

static void launch(struct candidate *c, int prepare) {
  for (int i = 0; i < c->kernels; i++) {
    struct kernel *k = &c->kernel[i];
    if (k->prepare != prepare) continue;
    size_t global[3];
    for (int d = 0; d < 3; d++) global[d] = k->blocks[d] * k->threads[d];
    cl_int error = enqueue(queue, k->function, 3, 0, global, k->threads, 0, 0, 0);
    if (error) end(5, "refused", error);
  }
  cl_int error = finish(queue);
  if (error) end(3, "failed", error);
}

static void prepare(struct candidate *c) { launch(c, 1); }

static void run(struct candidate *c) { launch(c, 0); }

static void fetch(struct candidate *c) {
  for (int i = c->inputs; i < c->inputs + c->outputs; i++) {
    object made;
    memcpy(&made, &c->buffer[i], sizeof made);
    cl_int error = c->bytes[i] ? enqueue_read(queue, made, 1, 0, c->bytes[i], c->memory[i], 0, 0, 0) : 0;
    if (error) end(3, "cannot read outputs", error);
  }
}
