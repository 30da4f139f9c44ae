/* Takes the place of nbdkit's vddk plugin in tests: the same parameters, checked strictly, but the disks are files.
 *
 * root=FOLDER is the simulated vCenter:
 *   FOLDER/frozen/SNAPSHOT/DATASTORE/vm/x.vmdk   the content of "[DATASTORE] vm/x.vmdk" in that snapshot, raw, sparse
 *   FOLDER/password                              what user= must prove to know; without a line end
 *   FOLDER/thumbprint                            if it is there, what thumbprint= must be
 * While a disk is open, the file beside it with ".open" behind its name exists and holds a POSIX read lock. A file whose
 * lock is free was left by a process that was killed, and means nothing.
 *
 * Faults, each while a file of this name is in FOLDER: hang-load (before the pid file), hang-open, hang-read,
 * hang-extents, die-on-read; fail-open and fail-read fail with the lines of the file as the errors. What says something hangs only disks in
 * whose file's name its words are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL
#define PUBLIC __attribute__ ((visibility ("default")))

/* The flags that the real plugin has (-D vddk.stats=1). */
PUBLIC int vddk_debug_stats;
PUBLIC int vddk_debug_datapath = 1;

enum { ROOT, LIBDIR, SERVER, PORT, USER, THUMBPRINT, VM, SNAPSHOT, TRANSPORTS, COMPRESSION, CONFIG, FILE_, KEYS };
static const char *const names[KEYS] = { "root", "libdir", "server", "port", "user", "thumbprint", "vm", "snapshot",
  "transports", "compression", "config", "file" };
static const char *const patterns[KEYS] = { "^/", "^/", "^[^:/]+$|:.*:", "^[0-9]+$", ".",
  "^([0-9A-Fa-f]{2}:){19}[0-9A-Fa-f]{2}$", "^moref=[A-Za-z0-9-]+$", "^[A-Za-z0-9-]+$",
  "^(file|san|hotadd|nbdssl|nbd)(:(file|san|hotadd|nbdssl|nbd))*$", "^(none|zlib|fastlz|skipz)$", "^/",
  "^\\[[^]/]+\\] .*\\.vmdk$" };
static char *values[KEYS];
static char *password;
static char *frozen;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int handles;
static int lock_fd = -1;

static char *
in_root (const char *name)
{
  char *path;
  if (asprintf (&path, "%s/%s", values[ROOT], name) == -1)
    abort ();
  return path;
}

/* The content of a file in the root; NULL if there is none. */
static char *
content (const char *name)
{
  char *path = in_root (name), *text = NULL;
  FILE *fp = fopen (path, "re");
  size_t size = 0;
  free (path);
  if (fp == NULL)
    return NULL;
  if (getdelim (&text, &size, '\0', fp) == -1)
    text = strdup ("");
  fclose (fp);
  return text;
}

static bool
is_there (const char *name)
{
  char *path = in_root (name);
  bool there = access (path, F_OK) == 0;
  free (path);
  return there;
}

static bool
is_meant (const char *name)
{
  char *text = content (name);
  bool meant = text != NULL && strstr (values[FILE_], text) != NULL;
  free (text);
  return meant;
}

static void
hang_while (const char *name)
{
  while (is_meant (name))
    usleep (20000);
}

/* Says the lines of that file; false if there is no such file. */
static bool
fails_as_told (const char *name)
{
  char *text = content (name), *rest = text, *line;
  if (text == NULL)
    return false;
  while ((line = strsep (&rest, "\n")) != NULL)
    if (*line)
      nbdkit_error ("%s", line);
  free (text);
  return true;
}

static bool
matches (const char *pattern, const char *value)
{
  regex_t regex;
  bool match;
  if (regcomp (&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
    abort ();
  match = regexec (&regex, value, 0, NULL, 0) == 0;
  regfree (&regex);
  return match;
}

static int
standin_config (const char *key, const char *value)
{
  int i;

  if (strcmp (key, "password") == 0) {
    if (value[0] != '+' && (value[0] != '-' || value[1] == '\0')) {
      nbdkit_error ("stand-in: a password among the arguments is readable by everybody");
      return -1;
    }
    return nbdkit_read_password (value, &password);
  }
  for (i = 0; i < KEYS; i++) {
    if (strcmp (key, names[i]) == 0) {
      if (values[i]) {
        nbdkit_error ("stand-in: parameter '%s' is given twice", key);
        return -1;
      }
      if (!matches (patterns[i], value)) {
        nbdkit_error ("stand-in: bad value of parameter '%s': %s", key, value);
        return -1;
      }
      values[i] = strdup (value);
      return 0;
    }
  }
  nbdkit_error ("unknown parameter '%s'", key);
  return -1;
}

static int
standin_config_complete (void)
{
  static const int required[] = { ROOT, SERVER, USER, THUMBPRINT, VM, SNAPSHOT, TRANSPORTS, FILE_ };
  size_t i;

  for (i = 0; i < sizeof required / sizeof required[0]; i++) {
    if (!values[required[i]]) {
      nbdkit_error ("remote connection requested, missing parameter: %s", names[required[i]]);
      return -1;
    }
  }
  if (!password) {
    nbdkit_error ("remote connection requested, missing parameter: password");
    return -1;
  }
  if (getenv ("LD_LIBRARY_PATH")) {
    nbdkit_error ("stand-in: LD_LIBRARY_PATH is set, which VDDK does not bear");
    return -1;
  }
  if (values[CONFIG] && access (values[CONFIG], R_OK) == -1) {
    nbdkit_error ("stand-in: config %s: %m", values[CONFIG]);
    return -1;
  }
  return 0;
}

static int
standin_get_ready (void)
{
  char *datastore = strdup (values[FILE_] + 1), *end = strchr (datastore, ']');

  if (values[LIBDIR] && access (values[LIBDIR], F_OK) == -1) {
    nbdkit_error ("libvixDiskLib.so.8: cannot open shared object file: No such file or directory\n\n"
                  "If 'libvixDiskLib.so.8' is located on a non-standard path you may need to\n"
                  "set libdir=/path/to/vmware-vix-disklib-distrib.");
    return -1;
  }
  *end = '\0';
  if (asprintf (&frozen, "%s/frozen/%s/%s/%s", values[ROOT], values[SNAPSHOT], datastore, end + 2) == -1)
    abort ();
  free (datastore);
  hang_while ("hang-load");
  return 0;
}

/* Whether the login succeeds. */
static bool
login (void)
{
  char *expected = content ("password"), *thumbprint = content ("thumbprint");
  bool known = expected && strcmp (expected, password) == 0;
  bool trusted = !thumbprint || strcasecmp (thumbprint, values[THUMBPRINT]) == 0;

  free (expected);
  free (thumbprint);
  if (!trusted) {
    nbdkit_error ("VixDiskLib_Open: %s: Unknown error", values[FILE_]);
    nbdkit_error ("Please verify whether the \"thumbprint\" parameter (%s) matches", values[THUMBPRINT]);
    return false;
  }
  if (!known)
    nbdkit_error ("VixDiskLib_ConnectEx: Cannot complete login due to an incorrect user name or password.");
  return known;
}

static char *
open_mark (void)
{
  char *path;
  if (asprintf (&path, "%s.open", frozen) == -1)
    abort ();
  return path;
}

static void *
standin_open (int readonly)
{
  int fd;

  hang_while ("hang-open");
  if (fails_as_told ("fail-open") || !login ())
    return NULL;
  if (!readonly) {
    nbdkit_error ("stand-in: a snapshot is opened for reading only");
    return NULL;
  }
  fd = open (frozen, O_RDONLY | O_CLOEXEC);
  if (fd == -1) {
    nbdkit_error ("VixDiskLib_Open: %s: A file was not found", values[FILE_]);
    return NULL;
  }
  pthread_mutex_lock (&lock);
  if (handles++ == 0) {
    struct flock shared = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    char *path = open_mark ();
    lock_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd == -1 || fcntl (lock_fd, F_SETLK, &shared) == -1)
      nbdkit_debug ("%s: %m", path);
    free (path);
  }
  pthread_mutex_unlock (&lock);
  return (void *) (intptr_t) (fd + 1);
}

static int
fd_of (void *handle)
{
  return (int) (intptr_t) handle - 1;
}

static void
standin_close (void *handle)
{
  close (fd_of (handle));
  pthread_mutex_lock (&lock);
  if (--handles == 0) {
    struct flock alone = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char *path = open_mark ();
    if (fcntl (lock_fd, F_SETLK, &alone) == 0)
      unlink (path); /* No other process has it open. */
    close (lock_fd);
    free (path);
  }
  pthread_mutex_unlock (&lock);
}

static int64_t
standin_get_size (void *handle)
{
  struct stat st;
  return fstat (fd_of (handle), &st) == -1 ? -1 : st.st_size;
}

static int
standin_can_extents (void *handle)
{
  return 1;
}

static int
standin_pread (void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
  hang_while ("hang-read");
  if (is_there ("die-on-read")) {
    fprintf (stderr, "nbdkit: vddk[1]: error: VixDiskLib: the library crashed\n");
    _exit (9);
  }
  if (fails_as_told ("fail-read")) {
    errno = EIO;
    return -1;
  }
  if (count % 512 || offset % 512) {
    nbdkit_error ("read is not aligned to sectors");
    errno = EINVAL;
    return -1;
  }
  while (count > 0) {
    ssize_t got = pread (fd_of (handle), buf, count, offset);
    if (got <= 0) {
      nbdkit_error ("pread: %m");
      return -1;
    }
    buf = (char *) buf + got;
    offset += got;
    count -= got;
  }
  return 0;
}

static int
standin_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *extents)
{
  uint64_t end = offset + count;

  hang_while ("hang-extents");
  while (offset < end) {
    off_t data = lseek (fd_of (handle), offset, SEEK_DATA);
    off_t hole;
    if (data == -1 && errno != ENXIO)
      return -1;
    if (data == -1 || (uint64_t) data > end)
      data = end;
    if ((uint64_t) data > offset
        && nbdkit_add_extent (extents, offset, data - offset, NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO) == -1)
      return -1;
    if ((uint64_t) data == end)
      break;
    hole = lseek (fd_of (handle), data, SEEK_HOLE);
    if (hole == -1)
      return -1;
    if (nbdkit_add_extent (extents, data, hole - data, 0) == -1)
      return -1;
    offset = hole;
  }
  return 0;
}

static struct nbdkit_plugin plugin = {
  .name = "vddk",
  .longname = "stand-in for the VMware VDDK plugin",
  .magic_config_key = "file",
  .config = standin_config,
  .config_complete = standin_config_complete,
  .get_ready = standin_get_ready,
  .open = standin_open,
  .close = standin_close,
  .get_size = standin_get_size,
  .can_extents = standin_can_extents,
  .pread = standin_pread,
  .extents = standin_extents,
};

NBDKIT_REGISTER_PLUGIN (plugin)
