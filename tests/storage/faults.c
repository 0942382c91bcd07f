/* Lets a disk fail on demand: loaded before the C library, it refuses calls on files whose name ends in a suffix.
   The program under test sets the variables below. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

int fault_sync = 0;          /* errno that syncing gives; 0: none */
int fault_write = 0;         /* errno that writing gives; 0: none */
int fault_skip = 0;          /* how many calls pass before one fails */
int fault_count = 0;         /* how many calls may still fail; then all is well */
char fault_suffix[64] = "";  /* of the files that are meant */
int synced = 0;              /* how many syncs of such files have passed */
int written = 0;             /* how many writes to such files have passed */

static int meant(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t suffix = strlen(fault_suffix);
    return suffix && (size_t)length >= suffix && strcmp(path + length - suffix, fault_suffix) == 0;
}

static int fails(int file, int fault, int *passed) {
    if (!meant(file)) return 0;
    if (fault && fault_skip > 0) {
        fault_skip--;
    } else if (fault && fault_count > 0) {
        fault_count--;
        errno = fault;
        return 1;
    }
    ++*passed;
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int file) { return fails(file, fault_sync, &synced) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return fails(file, fault_sync, &synced) ? -1 : REAL(fdatasync)(file); }
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    return fails(file, fault_write, &written) ? -1 : REAL(pwrite)(file, data, size, at);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    return fails(file, fault_write, &written) ? -1 : REAL(pwrite64)(file, data, size, at);
}
ssize_t write(int file, const void *data, size_t size) {
    return fails(file, fault_write, &written) ? -1 : REAL(write)(file, data, size);
}
