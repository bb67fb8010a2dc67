import { expect, test } from "vitest";
import { printable } from "./printable.ts";

test("a message stays one line and sends nothing to the terminal", () => {
  expect(printable("a\nb\x1b[31mc\u2028d\x7f")).toBe("a\\x0ab\\x1b[31mc\\u2028d\\x7f");
  expect(printable("naïve 'name' → ok")).toBe("naïve 'name' → ok");
});
