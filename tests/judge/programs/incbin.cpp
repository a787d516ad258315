// expect: error
// must not: take a file of the machine into the program
asm(".section .rodata\nsecret: .incbin \"/etc/shadow\"\n.byte 0\n");
extern const char secret[];
int puts(const char *);
int main() { puts(secret); }
