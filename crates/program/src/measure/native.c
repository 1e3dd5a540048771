/* Runs kernels in libraries. */

static void open_device(void) {}

static void describe(void) {}

static void open_candidate(struct candidate *c, const char *path, size_t work) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) die(dlerror());
  c->prepare = (void (*)(char *const *, char *))dlsym(handle, "prepare");
  c->run = (void (*)(char *const *, char *))dlsym(handle, "run");
  if (!c->prepare || !c->run) die("no functions");
  memset(add_memory(c, work + 64), 0xff, work);
}

/* The workspace is what comes last. */
static void prepare(struct candidate *c) { c->prepare(c->memory, c->memory[c->buffers - 1]); }

static void run(struct candidate *c) { c->run(c->memory, c->memory[c->buffers - 1]); }

static void fetch(struct candidate *c) { (void)c; }
