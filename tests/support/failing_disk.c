/* Is loaded before libc: of the calls that change files below the folder DISK_FOLDER, the one of the number DISK_FAILS_AT fails, and with
   DISK_STAYS_FULL all after it. Their count is added to the file DISK_COUNT at the end. Linux only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int is_below(const char *path) {
    const char *folder = getenv("DISK_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_file_below(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int fails(void) {
    const char *at = getenv("DISK_FAILS_AT");
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (!at) return 0;
    return getenv("DISK_STAYS_FULL") ? call >= atol(at) : call == atol(at);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(with) do { errno = with; return -1; } while (0)

ssize_t write(int file, const void *bytes, size_t count) {
    if (is_file_below(file) && fails()) {
        /* A full disk takes what it can. */
        if (count > 1) syscall(SYS_write, file, bytes, count / 2);
        FAIL(ENOSPC);
    }
    return REAL(write)(file, bytes, count);
}
ssize_t writev(int file, const struct iovec *pieces, int count) {
    if (is_file_below(file) && fails()) FAIL(ENOSPC);
    return REAL(writev)(file, pieces, count);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    if (is_file_below(file) && fails()) FAIL(ENOSPC);
    return REAL(pwrite)(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    if (is_file_below(file) && fails()) FAIL(ENOSPC);
    return REAL(pwrite64)(file, bytes, count, at);
}
int fsync(int file) {
    if (is_file_below(file) && fails()) FAIL(EIO);
    return REAL(fsync)(file);
}
int fdatasync(int file) {
    if (is_file_below(file) && fails()) FAIL(EIO);
    return REAL(fdatasync)(file);
}
int rename(const char *from, const char *to) {
    if (is_below(to) && fails()) FAIL(ENOSPC);
    return REAL(rename)(from, to);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    if (is_below(to) && fails()) FAIL(ENOSPC);
    return REAL(renameat)(from_folder, from, to_folder, to);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (is_below(to) && fails()) FAIL(ENOSPC);
    return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (is_below(to) && fails()) FAIL(ENOSPC);
    return REAL(linkat)(from_folder, from, to_folder, to, flags);
}

__attribute__((destructor)) static void tell(void) {
    const char *file = getenv("DISK_COUNT");
    char line[32];
    if (!file) return;
    int count = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (count < 0) return;
    int length = snprintf(line, sizeof line, "%ld\n", atomic_load(&calls));
    syscall(SYS_write, count, line, length);
    close(count);
}
