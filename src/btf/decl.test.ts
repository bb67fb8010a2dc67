import { expect, test } from "vitest";
import { fixtureBtf } from "../../test/support/fixture.ts";
import { declare, define } from "./decl.ts";
import { BtfBuilder } from "./encode.ts";

const btf = fixtureBtf("types");

test("a struct is written out with all its members", () => {
  expect(define(btf, btf.find("struct", "everything"))).toBe(`struct everything {
	char letter;
	signed char tiny;
	byte small;
	_Bool flag;
	short half;
	__u16 uhalf;
	int word;
	__u32 uword;
	long long quad;
	__u64 uquad;
	enum color color;
	enum wide wide;
	const volatile int *pointer;
	struct opaque *opaque;
	callback call;
	char text[8];
	byte raw[3];
	int matrix[2][3];
	union either either;
	struct {
		__u8 inner_a;
		__u16 inner_b;
	};
	struct {
		int x;
		int y;
	} point;
	unsigned int low: 3;
	int middle: 5;
	__u64 high: 40;
	_Bool bit: 1;
	unsigned __int128 giant;
}`);
});

test("enums, typedefs, functions and variables", () => {
  expect(define(btf, btf.find("enum", "color"))).toBe(
    "enum color {\n\tRED = 0,\n\tGREEN = 5,\n\tBLUE = -1,\n}",
  );
  expect(define(btf, btf.find("enum64", "wide"))).toContain("HUGE = 1311768467463790320ULL,");
  expect(define(btf, btf.find("typedef", "callback"))).toBe(
    "typedef int (*callback)(const char *, byte, ...)",
  );
  expect(define(btf, btf.find("func", "global_function"))).toBe(
    "int global_function(struct everything *it, const byte count)",
  );
  expect(define(btf, btf.find("var", "favourite"))).toBe("enum color favourite");
});

test("declarators nest as C wants them", () => {
  const builder = new BtfBuilder();
  const int = builder.add({
    kind: "int",
    name: "int",
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  });
  const array = builder.add({ kind: "array", name: "", type: int, indexType: int, nelems: 3 });
  const toArray = builder.add({ kind: "ptr", name: "", type: array });
  const proto = builder.add({ kind: "func_proto", name: "", type: toArray, params: [] });
  const call = builder.add({ kind: "ptr", name: "", type: proto });
  const calls = builder.add({ kind: "array", name: "", type: call, indexType: int, nelems: 2 });
  const fixed = builder.add({ kind: "const", name: "", type: call, kindFlag: false });
  const made = builder.build();
  expect(declare(made, toArray, "p")).toBe("int (*p)[3]");
  expect(declare(made, call, "f")).toBe("int (*(*f)(void))[3]");
  expect(declare(made, calls, "table")).toBe("int (*(*table[2])(void))[3]");
  expect(declare(made, fixed, "f")).toBe("int (*(*const f)(void))[3]");
  expect(declare(made, 0, "*p")).toBe("void *p");
});
