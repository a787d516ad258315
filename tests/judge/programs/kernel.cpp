// expect: passed
// prints: refused
// must not: reach what namespaces do not cover
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
int main() {
    // io_uring, keyctl, bpf, perf, userfaultfd, shmget, msgget, mq_open, memfd, unshare, setns, mount,
    // personality, open_by_handle_at, pidfd_open, process_vm_readv, inotify, fsopen, setuid
    long calls[] = {425, 250, 321, 298, 323, 29, 68, 240, 319, 272, 308, 165, 135, 304, 434, 310, 253, 430, 105};
    for (long call : calls)
        if (syscall(call, 0, 0, 0, 0, 0, 0) >= 0) { printf("call %ld\n", call); return 0; }
    puts("refused");
}
