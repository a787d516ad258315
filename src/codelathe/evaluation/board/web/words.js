// What the page says, in English and Korean. Numbers, names and texts of models are never here.
const WORDS = {
  en: {
    __proto__: null, // a score may be called `constructor`
    board: "board", lede: "Scores proved by running code, with how sure they are.",
    search: "Search", size: "Size", score: "Score", sort: "Sort by", columns: "Columns", reset: "Reset",
    any: "any", upto: "up to {0}", rank: "#", model: "Model", type: "Type", precision: "Precision",
    bytes: "File", speed: "Tokens/s", problems: "Problems", samples: "Samples", date: "Date",
    origin: "From", source: "Source", signature: "Signature", scores: "Scores",
    pretrained: "pretrained", instruct: "instruct", rl: "RL", unknown: "unknown",
    run: "run here", imported: "imported", published: "published",
    count: "{0} of {1} rows", place: "place", one: "1 row", group: "{0} rows", others: "imported or published", none: "No row fits these filters.",
    plotsize: "Size and score", plotspeed: "Speed and score", plotbytes: "File and score", axisbytes: "bytes of the weights", noplot: "No row here has {0} and a score.",
    sizes: "a known size", speeds: "a measured speed", axissize: "parameters", axisspeed: "tokens a second",
    open: "Look into", close: "Close", falling: "falling", rising: "rising", light: "Light", dark: "Dark", all: "all",
    prompt: "What the model was asked", explanation: "The model's explanation", completion: "What the model answered",
    solution: "The code that was judged", input: "input", expected: "expected", got: "got", detail: "Why",
    sample: "Answer {0}", nocode: "no code was found in the answer", ended: "{0} tokens, ended by {1}",
    cut: "Long texts are cut at 8,000 characters; the files of the run have all of them.",
    bare: "There was no room in this page for the texts of this answer; the files of the run have them.",
    gone: "{0} more answers are not in this page.", flaky: "flaky: run again, it came to something else",
    starved: "the machine was busy", shared: "interval 95%", passes: "{0} of {1} passed",
    passed: "passed", failed: "failed", error: "error", timeout: "timeout", memory: "memory", output: "output",
    left: "left", tampered: "tampered", unjudged: "not judged",
    foot: "A rank is the places that a model may hold among those that are shown: models whose 95% intervals overlap share one. Groups were asked or judged in different ways, so models of two groups cannot be ranked. Published scores come without intervals; theirs are the widest that so many problems allow.",
  },
  ko: {
    __proto__: null,
    board: "보드", lede: "코드를 실제로 실행해 증명한 점수와 그 신뢰구간.",
    search: "검색", size: "크기", score: "점수", sort: "정렬", columns: "열", reset: "초기화",
    any: "전체", upto: "{0} 이하", rank: "#", model: "모델", type: "종류", precision: "정밀도",
    bytes: "파일", speed: "토큰/초", problems: "문제", samples: "답안", date: "날짜",
    origin: "출처 종류", source: "출처", signature: "서명", scores: "점수",
    pretrained: "사전학습", instruct: "지시학습", rl: "강화학습", unknown: "알 수 없음",
    run: "직접 실행", imported: "가져옴", published: "공개 수치",
    count: "{1}개 중 {0}개 행", place: "순위", one: "1개 행", group: "{0}개 행", others: "가져온 것 또는 공개 수치", none: "조건에 맞는 행이 없습니다.",
    plotsize: "크기와 점수", plotspeed: "속도와 점수", plotbytes: "파일 크기와 점수", axisbytes: "가중치 파일 크기", noplot: "{0}와 점수가 모두 있는 행이 없습니다.",
    sizes: "알려진 크기", speeds: "측정된 속도", axissize: "매개변수", axisspeed: "초당 토큰",
    open: "살펴보기", close: "닫기", falling: "내림차순", rising: "오름차순", light: "밝게", dark: "어둡게", all: "전체",
    prompt: "모델에게 물은 것", explanation: "모델의 설명", completion: "모델의 답",
    solution: "채점한 코드", input: "입력", expected: "기대값", got: "결과", detail: "이유",
    sample: "답안 {0}", nocode: "답에서 코드를 찾지 못했습니다", ended: "토큰 {0}개, 종료: {1}",
    cut: "긴 글은 8,000자에서 잘랐습니다. 전체는 실행 폴더의 파일에 있습니다.",
    bare: "이 답안의 글은 너무 커서 페이지에 담지 못했습니다. 실행 폴더의 파일에 있습니다.",
    gone: "답안 {0}개는 이 페이지에 없습니다.", flaky: "불안정: 다시 실행하니 결과가 달랐습니다",
    starved: "기계가 바빴습니다", shared: "95% 신뢰구간", passes: "{1}개 중 {0}개 통과",
    passed: "통과", failed: "실패", error: "오류", timeout: "시간 초과", memory: "메모리 초과", output: "출력 초과",
    left: "답 없이 종료", tampered: "조작", unjudged: "채점 불가",
    foot: "순위는 지금 보이는 모델 가운데 차지할 수 있는 자리의 범위입니다. 95% 신뢰구간이 겹치는 모델은 같은 자리를 나눕니다. 묶음마다 묻거나 채점한 방식이 달라서, 서로 다른 묶음의 모델은 순위를 비교할 수 없습니다. 공개 수치에는 구간이 없어, 문제 수로 볼 때 가장 넓은 구간을 표시합니다.",
  },
};

function say(key, ...values) {
  const text = WORDS[state.lang][key];
  if (text === undefined) return key;
  return text.replace(/\{(\d)\}/g, (_, index) => String(values[index]));
}
