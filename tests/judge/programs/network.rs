// expect: passed
// prints: refused
// must not: open a socket
use std::net::{TcpListener, UdpSocket};
fn main() {
    if TcpListener::bind("127.0.0.1:0").is_ok() || UdpSocket::bind("127.0.0.1:0").is_ok() {
        println!("bound");
        return;
    }
    println!("refused");
}
