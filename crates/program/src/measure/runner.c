/* What every runner does: it runs candidates in a process of its own, so that a crash takes that process down and no
 * other. It follows on one of `native.c`, `opencl.c` and `cuda.c`, each of which has
 *     describe(): prints lines on the device; only where there is no argument
 *     open_device(): called once
 *     open_candidate(c, path, work): loads what `path` names
 *     prepare(c), run(c): what they say; when they return, it is done
 *     fetch(c): brings outputs to where `c->memory` says
 *
 * The file that the first argument names has a line of settings,
 *     FLUSH_BYTES WARMUP_NS MIN_NS REPEATS PATIENCE_NS
 * and for each candidate a line
 *     PATH WORK_BYTES INPUT_FILE INPUTS SIZE... OUTPUT_FILE OUTPUTS SIZE...
 * Each is run once and its outputs are written, and without REPEATS a line with its nanoseconds is printed, of two runs where one
 * takes longer than PATIENCE_NS. Then, with REPEATS, all are timed in turn, REPEATS times, and a line with
 * their nanoseconds is printed for each; of one that takes longer than PATIENCE_NS, unless that is 0, one time alone. It exits with 4 where code is refused, with 5 where a device refuses to run it,
 * else with 3.
 */

/* Bytes that are written before each run. */
static size_t flush;
/* A candidate that takes longer is too slow to be worth more than this one time. */
static double patience;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void read_candidate(FILE *spec, struct candidate *c, const char *path, size_t work, const char *input) {
  static char output[4096];
  FILE *file = fopen(input, "rb");
  if (!file) die("no inputs");
  if (c->inputs > 64) die("more than 64 inputs");
  while (c->buffers < c->inputs) {
    size_t bytes;
    if (fscanf(spec, "%zu", &bytes) != 1) die("no size");
    char *memory = add_memory(c, bytes);
    if (fread(memory, 1, bytes, file) != bytes) die("inputs too short");
  }
  fclose(file);
  if (fscanf(spec, "%4095s %d", output, &c->outputs) != 2) die("no outputs");
  for (int i = 0; i < c->outputs; i++) {
    size_t bytes;
    if (fscanf(spec, "%zu", &bytes) != 1) die("no size");
    memset(add_memory(c, bytes), 0xff, bytes);
  }
  open_candidate(c, path, work);
  prepare(c);
  double start = now();
  run(c);
  c->shortest = now() - start;
  if (patience > 0 && c->shortest > patience) {
    /* Its pages were new to the first run. */
    start = now();
    run(c);
    double again = now() - start;
    if (again < c->shortest) c->shortest = again;
  }
  if (strcmp(output, "-")) {
    fetch(c);
    file = fopen(output, "wb");
    if (!file) die("cannot write outputs");
    for (int i = c->inputs; i < c->inputs + c->outputs; i++)
      if (fwrite(c->memory[i], 1, c->bytes[i], file) != c->bytes[i]) die("cannot write outputs");
    if (fclose(file)) die("cannot write outputs");
  }
}

int main(int argc, char **argv) {
  open_device();
  if (argc < 2) {
    describe();
    return 0;
  }
  FILE *spec = fopen(argv[1], "r");
  size_t work;
  double warmup, least;
  int repeats, count = 0, inputs;
  static struct candidate candidates[256];
  static char path[4096], input[4096];
  if (!spec || fscanf(spec, "%zu %lf %lf %d %lf", &flush, &warmup, &least, &repeats, &patience) != 5) die("no settings");
  while (count < 256 && fscanf(spec, "%4095s %zu %4095s %d", path, &work, input, &inputs) == 4) {
    struct candidate *c = &candidates[count++];
    c->inputs = inputs;
    read_candidate(spec, c, path, work, input);
  }
  if (repeats <= 0) {
    for (int i = 0; i < count; i++) printf("%.1f\n", candidates[i].shortest);
    return 0;
  }
  if (count == 0) return 0;
  char *cold = flush ? guarded(flush) : 0;
  double *times = calloc((size_t)count * repeats, sizeof *times);
  long *runs = calloc(count, sizeof *runs);
  for (int i = 0; i < count; i++) {
    double start = now(), end = start, shortest = 0;
    long n = 0;
    while (end - start < warmup || n < 2) {
      double before = end;
      run(&candidates[i]);
      n++;
      end = now();
      if (n == 1 || end - before < shortest) shortest = end - before;
      /* Something else may have held one run up. */
      if (patience > 0 && n >= 2 && shortest > patience) break;
    }
    double each = (end - start) / n;
    runs[i] = flush ? 1 : (long)(least / each) + 1;
    if (patience > 0 && shortest > patience) {
      /* Too slow to be worth more: no runs, and the shorter of these. */
      runs[i] = 0;
      times[(size_t)i * repeats] = shortest;
    }
  }
  for (int r = 0; r < repeats; r++) {
    for (int i = 0; i < count; i++) {
      if (!runs[i]) continue;
      if (flush) memset(cold, r, flush);
      else run(&candidates[i]);
      double start = now();
      for (long n = 0; n < runs[i]; n++) run(&candidates[i]);
      times[(size_t)i * repeats + r] = (now() - start) / runs[i];
    }
  }
  for (int i = 0; i < count; i++) {
    for (int r = 0; r < (runs[i] ? repeats : 1); r++) printf("%.1f ", times[(size_t)i * repeats + r]);
    printf("\n");
  }
  return 0;
}
