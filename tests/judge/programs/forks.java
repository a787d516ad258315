// expect: passed
// prints: refused
// must not: create a process
public class Main {
    public static void main(String[] args) throws Exception {
        for (String path : new String[] {"/bin/true", "/usr/bin/env", System.getProperty("java.home") + "/bin/java"}) {
            try {
                new ProcessBuilder(path, "-version").start().waitFor();
                System.out.println("started " + path);
                return;
            } catch (java.io.IOException e) {
                continue;
            }
        }
        System.out.println("refused");
    }
}
