// expect: passed
// prints: refused
// must not: start a compiler or any other program of the machine
#include <unistd.h>
#include <cstdio>
int main() {
    const char *programs[] = {"/usr/bin/as", "/usr/bin/x86_64-linux-gnu-as", "/usr/bin/g++-12",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "/bin/sh", "/usr/bin/python3"};
    for (const char *path : programs) execl(path, path, "--version", (char *)nullptr);
    puts("refused");
}
