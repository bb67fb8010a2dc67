import { ENCODINGS } from "../../src/isa/legality.js";
import { CALL, PSEUDO } from "../../src/isa/opcode.js";
const change = (field, value) => {
    return (insns, at, random) => {
        const insn = insns[at];
        if (insn !== undefined)
            insns[at] = { ...insn, [field]: value(insn, random) };
    };
};
const MUTATIONS = [
    [5, change("imm", (_insn, random) => random.imm())],
    [4, change("imm", (insn, random) => (insn.imm ^ (1 << random.below(32))) | 0)],
    [6, change("dst", (_insn, random) => random.below(11))],
    [6, change("src", (_insn, random) => random.below(11))],
    [1, change("dst", () => 11)],
    [5, change("off", (insn, random) => ((insn.off + random.between(-9, 9)) << 16) >> 16)],
    [1, change("off", (_insn, random) => (random.imm() << 16) >> 16)],
    [4, change("code", (insn, random) => insn.code ^ (1 << random.below(8)))],
    [4, change("code", (_insn, random) => random.pick(ENCODINGS).code)],
    [1, change("code", (_insn, random) => random.below(256))],
    [4, (insns, at) => insns.splice(at, 1)],
    [
        2,
        (insns, at) => {
            const [insn] = insns.slice(at, at + 1);
            if (insn !== undefined)
                insns.splice(at, 0, insn);
        },
    ],
    [
        2,
        (insns, at) => {
            const [first, second] = insns.slice(at, at + 2);
            if (first !== undefined && second !== undefined)
                insns.splice(at, 2, second, first);
        },
    ],
];
/** Changes a program in one to three places, so that it is mostly wrong in ways that nobody would write. */
export function mutate(insns, random) {
    const mutated = [...insns];
    for (let n = random.weighted([
        [70, 1],
        [20, 2],
        [10, 3],
    ]); n > 0; n--) {
        random.weighted(MUTATIONS)(mutated, random.below(mutated.length), random);
    }
    return mutated.map(withoutIds);
}
/** The ids of kernel functions and types are those of one machine's kernel: their loads and calls become others. */
function withoutIds(insn) {
    const kfunc = insn.code === 0x85 && insn.src === CALL.KFUNC;
    const btf = insn.code === 0x18 && insn.src === PSEUDO.BTF_ID;
    return kfunc || btf ? { ...insn, src: 7 } : insn;
}
//# sourceMappingURL=mutate.js.map