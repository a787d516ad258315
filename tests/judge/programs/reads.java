// expect: passed
// prints: refused
// must not: read a file of the machine
import java.io.File;

public class Main {
    public static void main(String[] args) {
        for (String path : new String[] {"/etc/passwd", "/proc/self", "/root", "/home", "/tmp", "/var"})
            if (new File(path).exists()) { System.out.println(path); return; }
        for (String name : System.getenv().keySet())
            if (name.contains("KEY") || name.contains("TOKEN")) { System.out.println(name); return; }
        System.out.println("refused");
    }
}
