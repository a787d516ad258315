// expect: passed
// prints: refused
// must not: signal, trace or slow down any other process
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cstdio>
int main() {
    if (kill(1, 9) == 0 || kill(-1, 9) == 0 || kill(getppid(), 9) == 0) { puts("killed"); return 0; }
    if (syscall(SYS_tkill, 1, 9) == 0 || syscall(SYS_tgkill, 1, 1, 9) == 0) { puts("tkill"); return 0; }
    if (ptrace(PTRACE_ATTACH, 1, 0, 0) == 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) == 0) { puts("traced"); return 0; }
    if (setpriority(PRIO_PROCESS, 1, 19) == 0) { puts("slowed"); return 0; }
    cpu_set_t one; CPU_ZERO(&one); CPU_SET(0, &one);
    if (sched_setaffinity(1, sizeof one, &one) == 0) { puts("moved"); return 0; }
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CPU, &more) == 0 || prlimit(1, RLIMIT_NPROC, &more, nullptr) == 0) { puts("limits"); return 0; }
    puts("refused");
}
