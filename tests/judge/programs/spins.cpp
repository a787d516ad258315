// expect: timeout
// seconds: 1
// must not: run on, its alarm and its signals ignored
#include <signal.h>
int main() { for (int i = 1; i < 65; i++) signal(i, SIG_IGN); for (volatile long x = 0;; x = x + 1); }
