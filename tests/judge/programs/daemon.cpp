// expect: passed
// prints: refused
// must not: leave a process that writes a file later
#include <fcntl.h>
#include <unistd.h>
#include <cstdio>
int main() {
    pid_t child = fork();
    if (child < 0) { puts("refused"); return 0; }
    if (child == 0) {
        setsid();
        if (fork() == 0) { sleep(2); close(open("left", O_CREAT | O_WRONLY, 0600)); }
        _exit(0);
    }
    puts("forked");
}
