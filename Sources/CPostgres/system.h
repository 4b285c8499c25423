// Calls of the system that Swift cannot make: fork, variadic ones, and some of Linux's own.
#pragma once
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int florin_make_event(void) { return eventfd(0, EFD_CLOEXEC); }

// A descriptor that becomes readable when the process ends; -1 when the system cannot tell.
static inline int florin_watch_process(pid_t process) {
    return (int)syscall(SYS_pidfd_open, process, 0);
}

// Starts a program in a session of its own, out of reach of the terminal's signals.
//
// Between fork and exec only calls that POSIX allows there are made, since other threads' locks
// are held by nobody any more. `output` becomes both outputs; `kept`, when not -1, becomes
// descriptor 3 and stays open; every other descriptor is closed.
static inline pid_t florin_spawn(
    const char *path, char *const arguments[], char *const environment[], const char *folder,
    uid_t user, gid_t group, int output, int kept)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t process = fork();
    if (process != 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return process;
    }
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    setsid();
    umask(077);
    int nothing = open("/dev/null", O_RDWR);
    int held = kept < 0 ? -1 : fcntl(kept, F_DUPFD, 10);
    int shown = fcntl(output, F_DUPFD, 10);
    dup2(nothing, 0);
    dup2(shown, 1);
    dup2(shown, 2);
    if (held >= 0) dup2(held, 3);
    syscall(SYS_close_range, held >= 0 ? 4 : 3, ~0U, 0);
    if (user != geteuid() && (setgroups(1, &group) || setgid(group) || setuid(user))) _exit(126);
    if (chdir(folder)) _exit(125);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    execve(path, arguments, environment);
    _exit(127);
}
