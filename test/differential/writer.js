/** Bytes of the stack that numbers use; pointers and keys live below. */
export const NUMBER_STACK = 128;
/** Where pointers are spilled: distance below R10. */
export const POINTER_SLOT = 136;
/** Where keys and values for helpers are made: distance below R10 of the start. */
export const KEY_AT = 160;
/** The same for values. */
export const VALUE_AT = 232;
export function emit(w, ...lines) {
    w.lines.push(...lines);
}
export function newLabel(w) {
    return `l${w.shared.nextLabel++}`;
}
/** True where this statement is to be wrong on purpose. */
export function goWrong(w) {
    if (w.random.below(10000) >= w.wrong * 100)
        return false;
    w.shared.wrong = true;
    return true;
}
/** A register with a number, or a new one made here; `undefined` never. */
export function anyNumber(w) {
    const numbers = [...w.numbers];
    if (goWrong(w))
        return w.random.between(0, 9);
    if (numbers.length > 0 && !w.random.chance(5))
        return w.random.pick(numbers);
    const reg = freeRegister(w);
    emit(w, `r${reg} = ${w.random.imm()}`);
    w.numbers.add(reg);
    return reg;
}
/** A register that may be overwritten. */
export function freeRegister(w, from = [0, 1, 2, 3, 4, 5, 7, 8, 9]) {
    return w.random.pick(from.filter((reg) => !w.reserved.has(reg)));
}
/** Takes a register out of use while it holds a pointer. */
export function hold(w, reg) {
    w.numbers.delete(reg);
}
/** What a call leaves: nothing in R1 to R5, the result in R0. */
export function afterCall(w, result) {
    for (let reg = 0; reg <= 5; reg++)
        w.numbers.delete(reg);
    if (result === "number")
        w.numbers.add(0);
}
/** A copy for one side of a branch, which writes to the same program. */
export function fork(w) {
    return {
        ...w,
        numbers: new Set(w.numbers),
        reserved: new Set(w.reserved),
        stack: w.stack.slice(),
        depth: w.depth + 1,
    };
}
/** Keeps what both this place and another one know. */
export function meet(w, other) {
    for (const reg of [...w.numbers])
        if (!other.numbers.has(reg))
            w.numbers.delete(reg);
    other.stack.forEach((known, i) => {
        if (known === 0)
            w.stack[i] = 0;
    });
    w.budget = Math.min(w.budget, other.budget);
}
//# sourceMappingURL=writer.js.map