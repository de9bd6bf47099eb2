/*
 * Loaded before a command (LD_PRELOAD): below TEST_QUOTA_DIR each process may write TEST_QUOTA_BYTES, then every write fails as
 * under a quota that is used up. A file system with quotas cannot be mounted in most places where tests run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t written = 0;

/* Whether so many bytes are too many for this file; if not, they are counted. */
static int refuses(int fd, size_t bytes) {
  const char *directory = getenv("TEST_QUOTA_DIR");
  if (directory == NULL) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  size_t prefix = strlen(directory);
  if (strncmp(path, directory, prefix) != 0 || path[prefix] != '/') return 0;
  if (__sync_add_and_fetch(&written, bytes) <= (size_t)atol(getenv("TEST_QUOTA_BYTES"))) return 0;
  errno = EDQUOT;
  return 1;
}

static size_t total(const struct iovec *parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  return bytes;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t bytes) {
  return refuses(fd, bytes) ? -1 : REAL(write)(fd, data, bytes);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
  return refuses(fd, bytes) ? -1 : REAL(pwrite)(fd, data, bytes, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
  return refuses(fd, bytes) ? -1 : REAL(pwrite64)(fd, data, bytes, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return refuses(fd, total(parts, count)) ? -1 : REAL(writev)(fd, parts, count);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags) {
  return refuses(to, bytes) ? -1 : REAL(copy_file_range)(from, from_at, to, to_at, bytes, flags);
}
