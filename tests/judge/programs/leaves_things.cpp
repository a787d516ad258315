// expect: passed
// prints: left
// must not: leave anything for the next program to find
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>
int main() {
    for (int i = 0; i < 12; i++) { mkdir("deep", 0700); if (chdir("deep")) break; }
    close(open("file", O_CREAT | O_WRONLY, 0600));
    if (symlink("/usr", "link") || mkfifo("pipe", 0600)) {}
    chdir("/w");
    mkdir("shut", 0);
    puts("left");
}
