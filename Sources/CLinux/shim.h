// Linux calls that Swift's Glibc module leaves out.
//
// _GNU_SOURCE stays undefined: with it, types such as fd_set would differ from Glibc's own.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

static inline void florin_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
