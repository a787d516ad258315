// expect: error
// must not: take a file of the machine into the program or show it in a message
const SECRET: &str = include_str!("/etc/passwd");
fn main() { println!("{}", SECRET); }
