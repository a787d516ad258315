// expect: error
// must not: show a file of the machine in a message
include!("/etc/passwd");
fn main() {}
