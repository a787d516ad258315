// expect: memory error
// must not: take more than the limit outside of the heap
import java.nio.ByteBuffer;
import java.util.*;

public class Main {
    public static void main(String[] args) {
        List<ByteBuffer> all = new ArrayList<>();
        for (;;) {
            ByteBuffer some = ByteBuffer.allocateDirect(1 << 26);
            for (int i = 0; i < some.capacity(); i += 4096) some.put(i, (byte) 1);
            all.add(some);
        }
    }
}
