// expect: memory
// must not: take more than the limit
import java.util.*;

public class Main {
    public static void main(String[] args) {
        List<long[]> all = new ArrayList<>();
        for (;;) all.add(new long[1 << 20]);
    }
}
