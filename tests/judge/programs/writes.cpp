// expect: passed
// prints: refused
// must not: write anywhere but in its own folder
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>
int main() {
    const char *files[] = {"/x", "/usr/lib/x", "/usr/include/x", "/kits/x", "/tmp/x", "/dev/x", "/etc/x"};
    for (const char *path : files) if (open(path, O_CREAT | O_WRONLY, 0600) >= 0) { puts(path); return 0; }
    if (open("/usr/include/stdio.h", O_WRONLY) >= 0) { puts("header"); return 0; }
    if (chmod("/usr/include/stdio.h", 0777) == 0 || chmod("/kits", 0777) == 0) { puts("mode"); return 0; }
    if (unlink("/kits") == 0 || rename("/usr/include", "/w/include") == 0) { puts("moved"); return 0; }
    puts("refused");
}
