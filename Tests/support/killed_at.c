// Ends the program at its n-th step towards a file or an output (KILL_AT=n), as a crash or a power cut would:
// before the step, and of a write after half of it. Loaded with LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_due(void) {
    static int steps;
    const char *limit = getenv("KILL_AT");
    return limit != NULL && ++steps == atoi(limit);
}

static void end(void) { kill(getpid(), SIGKILL); }

ssize_t write(int file, const void *bytes, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (is_due()) {
        real(file, bytes, count / 2);
        end();
    }
    return real(file, bytes, count);
}

int fsync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    if (is_due()) end();
    return real(file);
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    if (is_due()) end();
    return real(from, to);
}
