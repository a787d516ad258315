// expect: passed
// prints: refused
// must not: open a socket of any family
#include <sys/socket.h>
#include <cstdio>
int main() {
    for (int family = 0; family < 46; family++)
        for (int kind = 1; kind <= 5; kind++)
            if (socket(family, kind, 0) >= 0) { printf("family %d kind %d\n", family, kind); return 0; }
    puts("refused");
}
