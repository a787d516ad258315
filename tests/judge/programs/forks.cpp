// expect: passed
// prints: refused
// must not: create a process
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
extern char **environ;
int main() {
    for (int i = 0; i < 100; i++) if (fork() >= 0) { puts("forked"); return 0; }
    if (syscall(SYS_clone, 17, 0, 0, 0, 0) >= 0) { puts("cloned"); return 0; }
    if (syscall(SYS_clone3, 0, 0) >= 0) { puts("cloned"); return 0; }
    pid_t pid;
    char *arguments[] = {(char *)"x", nullptr};
    if (posix_spawn(&pid, "/usr/bin/as", nullptr, nullptr, arguments, environ) == 0) {
        int status = 0;
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) != 127) { puts("spawned"); return 0; }
    }
    if (system("true") == 0) { puts("ran"); return 0; }
    puts("refused");
}
