// expect: passed
// prints: refused
// must not: start threads without bound
public class Main {
    public static void main(String[] args) {
        for (int i = 0; i < 1000; i++) {
            Thread one = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) {} });
            one.setDaemon(true);
            try {
                one.start();
            } catch (Throwable e) {
                System.out.println("refused");
                System.out.flush();
                Runtime.getRuntime().halt(0);
            }
        }
        System.out.println("a thousand");
        Runtime.getRuntime().halt(0);
    }
}
