/* Runs CUDA kernels that are compiled already.
 *
 * The driver's library is loaded at run time; the few of its functions that are needed are declared here.
 */

typedef int result;
typedef uint64_t pointer;

static result (*init)(unsigned);
static result (*get_device)(int *, int);
static result (*get_name)(char *, int, int);
static result (*get_attribute)(int *, int, int);
static result (*retain_context)(void **, int);
static result (*set_context)(void *);
static result (*load_module)(void **, const void *);
static result (*get_function)(void **, void *, const char *);
static result (*set_function)(void *, int, int);
static result (*allocate)(pointer *, size_t);
static result (*to_device)(pointer, const void *, size_t);
static result (*from_device)(void *, pointer, size_t);
static result (*launch_kernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
static result (*synchronize)(void);

static int device;

static void open_device(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library) die("there is no libcuda.so.1: install NVIDIA's driver");
  const struct {
    void *function;
    const char *name;
  } functions[] = {
      {&init, "cuInit"}, {&get_device, "cuDeviceGet"}, {&get_name, "cuDeviceGetName"},
      {&get_attribute, "cuDeviceGetAttribute"}, {&retain_context, "cuDevicePrimaryCtxRetain"},
      {&set_context, "cuCtxSetCurrent"}, {&load_module, "cuModuleLoadData"},
      {&get_function, "cuModuleGetFunction"}, {&set_function, "cuFuncSetAttribute"},
      {&allocate, "cuMemAlloc_v2"}, {&to_device, "cuMemcpyHtoD_v2"}, {&from_device, "cuMemcpyDtoH_v2"},
      {&launch_kernel, "cuLaunchKernel"}, {&synchronize, "cuCtxSynchronize"},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = dlsym(library, functions[i].name);
    if (!found) die(functions[i].name);
    memcpy(functions[i].function, &found, sizeof found);
  }
  void *context;
  result error = init(0);
  if (!error) error = get_device(&device, 0);
  if (!error) error = retain_context(&context, device);
  if (!error) error = set_context(context);
  if (error) end(3, "there is no CUDA device", error);
}

/* Its name, its architecture, and how many threads a block may have and how many bytes they may share. */
static void describe(void) {
  static char name[256];
  int major = 0, minor = 0, threads = 0, bytes = 0;
  get_name(name, sizeof name - 1, device);
  get_attribute(&major, 75, device);
  get_attribute(&minor, 76, device);
  get_attribute(&threads, 1, device);
  /* With leave: more than every block may have without. */
  get_attribute(&bytes, 97, device);
  printf("%s\nsm_%d%d\n%d\n%d\n", name, major, minor, threads, bytes);
}

static void *open_function(struct candidate *c, void *module, const char *name, struct kernel *k) {
  (void)c;
  void *function;
  result error = get_function(&function, module, name);
  if (error) end(4, name, error);
  if (k->shared > 48 << 10) error = set_function(function, 8, (int)k->shared);
  if (error) end(5, "too much shared memory", error);
  return function;
}

static void open_candidate(struct candidate *c, const char *path, size_t work) {
  (void)work;
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) die("no image");
  size_t length = ftell(file);
  char *image = calloc(length + 1, 1);
  void *module;
  rewind(file);
  if (fread(image, 1, length, file) != length) die("image too short");
  fclose(file);
  result error = load_module(&module, image);
  if (error) end(4, "the image does not load", error);
  free(image);
  read_launches(c, path, module);
  for (int i = 0; i < c->buffers; i++) {
    error = allocate(&c->buffer[i], c->bytes[i] ? c->bytes[i] : 1);
    if (!error && c->bytes[i]) error = to_device(c->buffer[i], c->memory[i], c->bytes[i]);
    if (error) end(5, "no buffer", error);
  }
}

static void launch(struct candidate *c, int prepare) {
  for (int i = 0; i < c->kernels; i++) {
    struct kernel *k = &c->kernel[i];
    if (k->prepare != prepare) continue;
    void *arguments[64];
    for (int a = 0; a < k->arguments; a++) arguments[a] = &c->buffer[k->argument[a]];
    const size_t *b = k->blocks, *t = k->threads;
    result error = launch_kernel(k->function, b[0], b[1], b[2], t[0], t[1], t[2], k->shared, 0, arguments, 0);
    if (error) end(5, "refused", error);
  }
  result error = synchronize();
  if (error) end(3, "failed", error);
}

static void prepare(struct candidate *c) { launch(c, 1); }

static void run(struct candidate *c) { launch(c, 0); }

static void fetch(struct candidate *c) {
  for (int i = c->inputs; i < c->inputs + c->outputs; i++) {
    result error = c->bytes[i] ? from_device(c->memory[i], c->buffer[i], c->bytes[i]) : 0;
    if (error) end(3, "cannot read outputs", error);
  }
}
