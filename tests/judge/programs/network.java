// expect: passed
// prints: refused
// must not: open a socket
public class Main {
    public static void main(String[] args) {
        try {
            new java.net.ServerSocket(0);
            System.out.println("listening");
        } catch (Throwable e) {
            System.out.println("refused");
        }
    }
}
