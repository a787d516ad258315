// expect: passed
// prints: refused
// must not: read a file of the machine or see that there are any
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
extern char **environ;
int main() {
    const char *files[] = {"/etc/passwd", "/etc/shadow", "/etc/hostname", "/proc/self/environ",
        "/proc/1/environ", "/root/.bashrc", "/dev/mem", "/dev/tty", "/sys/kernel/notes"};
    for (const char *path : files) if (access(path, F_OK) == 0) { puts(path); return 0; }
    const char *folders[] = {"/etc", "/proc", "/home", "/root", "/tmp", "/var", "/work", "/sys", "/run"};
    for (const char *path : folders) if (opendir(path)) { puts(path); return 0; }
    for (char **e = environ; *e; e++)
        if (strstr(*e, "KEY") || strstr(*e, "TOKEN")) { puts(*e); return 0; }
    for (int fd = 3; fd < 256; fd++) if (fcntl(fd, F_GETFD) >= 0) { printf("descriptor %d\n", fd); return 0; }
    puts("refused");
}
