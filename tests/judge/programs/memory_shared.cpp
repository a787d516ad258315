// expect: passed
// prints: refused
// must not: take more than the limit in a way that is not counted
#include <sys/mman.h>
#include <cstdio>
#include <cstring>
int main() {
    size_t size = size_t(1) << 30;
    void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) { puts("refused"); return 0; }
    memset(p, 1, size);
    puts("taken");
}
