// expect: error
// must not: show a line of a file of the machine in the compiler's message
#include "/etc/shadow"
#include "/etc/passwd"
int main() {}
