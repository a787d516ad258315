// expect: output error timeout
// seconds: 5
// must not: take more than the limit
public class Main {
    public static void main(String[] args) { for (;;) System.out.println("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); }
}
