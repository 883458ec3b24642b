/** Animals, foods and people in Korean. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Animals: class, name in English. */
export const KOREAN_ANIMALS: Subjects = subjectsOf(["동물의-종류", "동물의-영어-이름"], {
  development: `
    호랑이: 포유류/포유동물/고양이과 | tiger
    독수리: 새/조류/맹금류 | eagle
    연어: 물고기/어류 | salmon
    꿀벌: 곤충 | bee/honeybee
    악어: 파충류 | crocodile
    개구리: 양서류 | frog
    코끼리: 포유류/포유동물 | elephant
    펭귄: 새/조류 | penguin
    상어: 물고기/어류 | shark
    개미: 곤충 | ant
    도마뱀: 파충류 | lizard
    소: 포유류/포유동물/가축 | cow
    올빼미: 새/조류 | owl
    참치: 물고기/어류 | tuna
    나비: 곤충 | butterfly
    거북이: 파충류 | turtle
    돌고래: 포유류/포유동물 | dolphin
    앵무새: 새/조류 | parrot
    송어: 물고기/어류 | trout
    모기: 곤충 | mosquito
    원숭이: 포유류/포유동물/영장류 | monkey
    오리: 새/조류 | duck
    고래: 포유류/포유동물 | whale
    참새: 새/조류 | sparrow
    토끼: 포유류/포유동물 | rabbit
    거위: 새/조류 | goose
    늑대: 포유류/포유동물/개과 | wolf
    파리: 곤충 | fly
    코브라: 파충류/뱀 | cobra
    캥거루: 포유류/포유동물/유대류 | kangaroo
    박쥐: 포유류/포유동물 | bat
    낙타: 포유류/포유동물 | camel`,
  test: `
    사자: 포유류/포유동물/고양이과 | lion
    말: 포유류/포유동물/가축 | horse
    비둘기: 새/조류 | pigeon/dove
    대구: 물고기/어류 | cod
    말벌: 곤충 | wasp/hornet
    뱀: 파충류 | snake
    두꺼비: 양서류 | toad
    곰: 포유류/포유동물 | bear
    백조: 새/조류 | swan
    금붕어: 물고기/어류 | goldfish
    딱정벌레: 곤충 | beetle
    앨리게이터: 파충류 | alligator
    양: 포유류/포유동물/가축 | sheep
    까마귀: 새/조류 | crow
    정어리: 물고기/어류 | sardine
    잠자리: 곤충 | dragonfly
    이구아나: 파충류 | iguana
    물개: 포유류/포유동물 | seal
    매: 새/조류/맹금류 | hawk/falcon
    청어: 물고기/어류 | herring
    메뚜기: 곤충 | grasshopper/locust
    고릴라: 포유류/포유동물/영장류 | gorilla
    닭: 새/조류/가금류 | chicken/hen
    다람쥐: 포유류/포유동물/설치류 | squirrel
    갈매기: 새/조류 | seagull/gull
    여우: 포유류/포유동물/개과 | fox
    매미: 곤충 | cicada
    기린: 포유류/포유동물 | giraffe
    고등어: 물고기/어류 | mackerel
    사슴: 포유류/포유동물 | deer
    타조: 새/조류 | ostrich
    까치: 새/조류 | magpie`,
});

/** Foods: kind, colour, name in English. */
export const KOREAN_FOODS: Subjects = subjectsOf(["음식의-종류", "음식의-색", "영어-이름"], {
  development: `
    바나나: 과일 | 노란/노랑/황색 | banana
    당근: 채소/야채 | 주황/오렌지 | carrot
    소고기: 고기/육류 | 붉은/빨간/갈색 | beef
    우유: 유제품/음료 | 흰/하얀/백색 | milk
    쌀: 곡물/곡식/곡류 | 흰/하얀 | rice
    딸기: 과일 | 빨간/빨강/붉은 | strawberry
    시금치: 채소/야채 | 초록/녹색 | spinach
    연어: 생선/어류/해산물 | 분홍/주황/붉은 | salmon
    치즈: 유제품 | 노란/노랑/흰 | cheese
    계피: 향신료 | 갈색 | cinnamon
    커피: 음료 | 갈색/검은/검정 | coffee
    레몬: 과일 | 노란/노랑 | lemon
    감자: 채소/야채 | 노란/갈색/흰 | potato
    닭고기: 고기/육류/가금류 | 흰/하얀 | chicken
    초콜릿: 과자/디저트/간식 | 갈색/검은 | chocolate
    밀: 곡물/곡식/곡류 | 노란/황금 | wheat
    포도: 과일 | 보라/자주/초록 | grape
    양파: 채소/야채 | 흰/하얀/노란 | onion
    돼지고기: 고기/육류 | 분홍/붉은 | pork
    버터: 유제품 | 노란/노랑 | butter
    후추: 향신료 | 검은/검정 | pepper/black pepper
    와인: 술/음료/주류 | 붉은/빨간/흰 | wine
    체리: 과일 | 빨간/빨강/붉은 | cherry
    오이: 채소/야채 | 초록/녹색 | cucumber
    새우: 해산물/갑각류 | 분홍/붉은/빨간 | shrimp/prawn
    아몬드: 견과/견과류 | 갈색 | almond
    망고: 과일 | 노란/노랑/주황 | mango
    브로콜리: 채소/야채 | 초록/녹색 | broccoli
    콩: 곡물/콩류/곡식 | 노란/초록/검은 | bean/soybean
    오렌지: 과일 | 주황/오렌지 | orange
    배추: 채소/야채 | 초록/녹색/흰 | cabbage/napa cabbage
    귤: 과일 | 주황/노란 | tangerine/mandarin/orange`,
  test: `
    사과: 과일 | 빨간/빨강/붉은/초록 | apple
    토마토: 채소/야채/과일 | 빨간/빨강/붉은 | tomato
    햄: 고기/육류 | 분홍/붉은 | ham
    요구르트: 유제품/음료 | 흰/하얀 | yogurt
    옥수수: 곡물/곡식/채소 | 노란/노랑 | corn
    산딸기: 과일 | 빨간/빨강/붉은 | raspberry
    상추: 채소/야채 | 초록/녹색 | lettuce
    고등어: 생선/어류/해산물 | 푸른/파란/은색 | mackerel
    크림: 유제품 | 흰/하얀 | cream
    생강: 향신료/채소 | 노란/갈색 | ginger
    녹차: 음료/차 | 초록/녹색 | green tea
    라임: 과일 | 초록/녹색 | lime
    무: 채소/야채 | 흰/하얀 | radish/turnip
    칠면조: 고기/육류/가금류/새 | 흰/갈색 | turkey
    케이크: 디저트/과자/빵 | 흰/하얀/갈색 | cake
    보리: 곡물/곡식/곡류 | 노란/갈색/황금 | barley
    블루베리: 과일 | 파란/푸른/보라 | blueberry
    마늘: 채소/야채/향신료 | 흰/하얀 | garlic
    양고기: 고기/육류 | 붉은/빨간 | lamb/mutton
    복숭아: 과일 | 분홍/노란 | peach
    고추: 채소/야채/향신료 | 빨간/빨강/붉은/초록 | chili/pepper/chilli
    맥주: 술/음료/주류 | 노란/노랑/황금/갈색 | beer
    자두: 과일 | 빨간/보라/자주/붉은 | plum
    호박: 채소/야채 | 주황/노란 | pumpkin/squash
    바닷가재: 해산물/갑각류 | 빨간/붉은 | lobster
    호두: 견과/견과류 | 갈색 | walnut
    파인애플: 과일 | 노란/노랑 | pineapple
    파: 채소/야채 | 초록/녹색 | green onion/scallion/leek/onion
    멜론: 과일 | 초록/녹색 | melon
    수박: 과일 | 초록/녹색/빨간/붉은 | watermelon
    두부: 콩/콩류 | 흰/하얀 | tofu
    가지: 채소/야채 | 보라/자주 | eggplant/aubergine`,
});
