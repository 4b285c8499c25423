// Calls of the system that Swift cannot make: they need fork, or _GNU_SOURCE, or are variadic.
#pragma once
#include <sys/prctl.h>

static inline void florin_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
