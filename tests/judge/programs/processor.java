// expect: passed
// prints: refused
// must not: run an annotation processor while it is compiled
import java.util.Set;
import javax.annotation.processing.*;
import javax.lang.model.element.TypeElement;

@SupportedAnnotationTypes("*")
public class Main extends AbstractProcessor {
    @Override
    public boolean process(Set<? extends TypeElement> all, RoundEnvironment round) {
        for (;;) {}
    }

    @Deprecated
    public static void main(String[] args) { System.out.println("refused"); }
}
