/* What a device launches: a file beside the candidate's, which ends in `.launch` in place of its ending,
 *     BUFFERS SIZE...
 *     KERNELS
 *     NAME PREPARE BLOCKS_X Y Z THREADS_X Y Z SHARED_BYTES ARGUMENTS NUMBER...
 * The numbers of arguments are those of inputs, outputs and buffers, one after the other.
 */

/* The function of a kernel. */
static void *open_function(struct candidate *c, void *module, const char *name, struct kernel *k);

static void read_launches(struct candidate *c, const char *path, void *module) {
  static char plan[4200], name[256];
  strcpy(plan, path);
  char *ending = strrchr(plan, '.');
  strcpy(ending ? ending : plan + strlen(plan), ".launch");
  FILE *file = fopen(plan, "r");
  int owned;
  if (!file || fscanf(file, "%d", &owned) != 1) die("no launches");
  for (int i = 0; i < owned; i++) {
    size_t bytes;
    if (fscanf(file, "%zu", &bytes) != 1) die("no size");
    memset(add_memory(c, bytes), 0xff, bytes);
  }
  if (fscanf(file, "%d", &c->kernels) != 1 || c->kernels > 64) die("no kernels, or too many");
  for (int i = 0; i < c->kernels; i++) {
    struct kernel *k = &c->kernel[i];
    if (fscanf(file, "%255s %d", name, &k->prepare) != 2) die("no kernel");
    for (int d = 0; d < 3; d++)
      if (fscanf(file, "%zu", &k->blocks[d]) != 1) die("no blocks");
    for (int d = 0; d < 3; d++)
      if (fscanf(file, "%zu", &k->threads[d]) != 1) die("no threads");
    if (fscanf(file, "%zu %d", &k->shared, &k->arguments) != 2 || k->arguments > 64) die("no arguments, or too many");
    for (int a = 0; a < k->arguments; a++)
      if (fscanf(file, "%d", &k->argument[a]) != 1 || k->argument[a] < 0 || k->argument[a] >= c->buffers)
        die("no argument");
    k->function = open_function(c, module, name, k);
  }
  fclose(file);
}
